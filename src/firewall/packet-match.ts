/** Decides whether an iptables rule matches a packet, as far as its options are understood. */

import { BlockList } from 'node:net';
import { familyOf, numbersOf, parseAddress } from '../lib/address.ts';
import { type Network, parseNetwork, within } from '../lib/networks.ts';
import { type Address, type Family, type Port, TCP_FLAGS } from '../model.ts';

/** A packet that is yet to come. */
export interface Probe {
  readonly family: Family;
  readonly proto: 'tcp' | 'udp' | 'icmp';
  /** Null for a ping, and for a packet to a port that no rule names. */
  readonly port: Port | null;
  /** A sum of TCP_FLAGS. */
  readonly flags: number;
  /** The whole length of a ping; null for any. */
  readonly length: number | null;
  /** Null for any source; `stranger` for one that no rule, set or list names. */
  readonly from: Address | 'stranger' | null;
  /** Null for any destination. */
  readonly to: Address | null;
  /** One interface, one of several, or null for any but the loopback. */
  readonly interface: string | readonly string[] | null;
  /** What conntrack says of it; `NEW` where this is left out. */
  readonly state?: 'NEW' | 'ESTABLISHED';
}

export interface RuleMatch {
  readonly takes: Takes;
  /** By a limit that all sources share. */
  readonly isThrottled: boolean;
}

export type Takes = 'yes' | 'no' | 'maybe';
type Test = (value: string, probe: Probe) => Takes;

const TARGETS: ReadonlySet<string> = new Set(['-j', '-g']);
const LOOPBACK = 'lo';
const WIDE_BITS = 4;

const TESTS: Readonly<Record<string, Test>> = {
  '-p': (value, probe) => sure(['all', '0', protoName(probe)].includes(value)),
  '-i': onInterface,
  '-s': (value, probe) => fromNetwork(value, probe),
  '-d': (value, { to }) => inside(value, to),
  // A fragment after the first.
  '-f': () => 'no',
  '--dport': (value, { port }) => sure(inRanges(value, port)),
  '--dports': (value, { port }) => sure(inRanges(value, port)),
  '--sport': sourcePort,
  '--sports': sourcePort,
  '--icmp-type': (value) => sure(value === '8' || value === 'any'),
  '--icmpv6-type': (value) => sure(value === '128'),
  '--length': (value, { length }) => (length === null ? 'maybe' : sure(inRanges(value, length))),
  '--ctstate': conntrackState,
  '--state': conntrackState,
  '--pkt-type': (value) => sure(value === 'unicast'),
  '--dst-type': (value) => (/\bLOCAL\b/.test(value) ? 'yes' : otherType(value)),
  '--src-type': (value) => (/\bUNICAST\b/.test(value) ? 'yes' : otherType(value)),
  '--src-range': (value, { from }) =>
    from === 'stranger' ? strangerInRange(value) : insideRange(value, from),
  '--dst-range': (value, { to }) => insideRange(value, to),
  '--match-set': (_, { from }) => (from === 'stranger' ? 'no' : 'maybe'),
  // One packet is below any rate or number of connections that a rule could allow.
  '--limit': () => 'yes',
  '--hashlimit-upto': () => 'yes',
  '--hashlimit-above': () => 'no',
  '--connlimit-upto': () => 'yes',
  '--connlimit-above': () => 'no',
  '--set': () => 'yes',
  '--rcheck': onList,
  '--update': onList,
  '--remove': onList,
};
/** Options that say nothing about a packet. */
const HARMLESS =
  /^--(?:comment|limit-burst|hashlimit-(?!above|upto).*|connlimit-(?:mask|[sd]addr)|name|seconds|hitcount|mask|r(?:source|dest|eap|ttl)|return-nomatch)$/;
/** Those of which the options say all. */
const KNOWN_MATCHES: ReadonlySet<string> = new Set(
  'tcp udp icmp icmp6 multiport conntrack state comment limit hashlimit connlimit addrtype pkttype set recent length iprange'.split(
    ' ',
  ),
);
/** Options without a value. */
const BARE: ReadonlySet<string> = new Set(
  '-f --set --rcheck --update --remove --rsource --rdest --reap --rttl --connlimit-saddr --connlimit-daddr --return-nomatch'.split(
    ' ',
  ),
);

export function matchRule(spec: readonly string[], probe: Probe): RuleMatch {
  let takes: Takes = 'yes';
  let isThrottled = false;
  for (const { option, value, second, isNegated } of optionsOf(spec)) {
    if (option === '-m') {
      if (!KNOWN_MATCHES.has(value)) takes = both(takes, 'maybe');
      continue;
    }
    if (option === '--limit') isThrottled = true;
    const result = test(option, value, second, probe);
    takes = both(takes, isNegated ? not(result) : result);
  }
  return { takes, isThrottled };
}

/** One option of a rule, with the words behind it, be they its own or not. */
interface RuleOption {
  readonly option: string;
  readonly value: string;
  readonly second: string;
  readonly isNegated: boolean;
}

/** The options ahead of the target that say something of a packet. */
export function* optionsOf(spec: readonly string[]): Generator<RuleOption> {
  const end = spec.findIndex((word) => TARGETS.has(word));
  const words = end < 0 ? spec : spec.slice(0, end);
  for (let at = 0; at < words.length; at++) {
    const isNegated = words[at] === '!';
    if (isNegated) at++;
    const option = words[at] ?? '';
    const isHarmless = HARMLESS.test(option);
    if (option.startsWith('-') && !isHarmless)
      yield { option, value: words[at + 1] ?? '', second: words[at + 2] ?? '', isNegated };
    if ((option === '-m' || isHarmless) && !BARE.has(option)) at++;
  }
}

function test(option: string, value: string, second: string, probe: Probe): Takes {
  if (option === '--tcp-flags') return sure((probe.flags & bits(value)) === bits(second));
  return TESTS[option]?.(value, probe) ?? 'maybe';
}

function protoName({ proto, family }: Probe): string {
  return proto === 'icmp' && family === 6 ? 'ipv6-icmp' : proto;
}

function onInterface(pattern: string, { interface: name }: Probe): Takes {
  if (typeof name === 'string') return sure(named(pattern, name));
  if (name !== null && name.length > 0) {
    const fit = name.filter((each) => named(pattern, each)).length;
    return fit > 0 && fit < name.length ? 'maybe' : sure(fit > 0);
  }
  if (pattern === '+') return 'yes';
  return pattern === LOOPBACK ? 'no' : 'maybe';
}

function fromNetwork(network: string, { from }: Probe): Takes {
  if (from !== 'stranger') return inside(network, from);
  const parsed = parseNetwork(network);
  if (parsed === null || !isWide(parsed)) return 'no';
  return parsed.length === 0 ? 'yes' : 'maybe';
}

/** Whether strangers come from this network: one of a sixteenth of all addresses or more is no one's own. */
export function isWide({ length }: Network): boolean {
  return length <= WIDE_BITS;
}

/** As `isWide` has it for a network. */
function strangerInRange(range: string): Takes {
  const [low, high] = range.split('-').map((text) => {
    const address = parseAddress(text);
    return address === null ? null : numbersOf(address).a >>> 0;
  });
  if (low === undefined || high === undefined || low === null || high === null) return 'maybe';
  return (high - low) / 2 ** 32 >= 2 ** -WIDE_BITS ? 'maybe' : 'no';
}

/** Anyone can choose a source port; those who do not have one of the kernel's. */
function sourcePort(value: string): Takes {
  const [, low = '', high = ''] = /^(\d+):(\d+)$/.exec(value) ?? [];
  return low !== '' && Number(low) <= 1_024 && Number(high) === 65_535 ? 'yes' : 'maybe';
}

function conntrackState(value: string, { state = 'NEW' }: Probe): Takes {
  const states = value.split(',');
  if (states.includes(state)) return 'yes';
  return states.includes('DNAT') || states.includes('SNAT') ? 'maybe' : 'no';
}

/** What no packet is from or to that a host could answer. */
function otherType(value: string): Takes {
  return /^(?:BROADCAST|MULTICAST|ANYCAST|BLACKHOLE|UNREACHABLE|PROHIBIT)(?:,|$)/.test(value)
    ? 'no'
    : 'maybe';
}

/** The list of `-m recent`. */
function onList(_: string, { from }: Probe): Takes {
  return from === 'stranger' ? 'no' : 'maybe';
}

function bits(names: string): number {
  return Object.entries(TCP_FLAGS).reduce(
    (sum, [name, bit]) => (names.split(',').includes(name) ? sum | bit : sum),
    0,
  );
}

/** Whether an interface has this name, or one that begins as a pattern like `eth+` says. */
export function named(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

export function inside(network: string, address: Address | null): Takes {
  const parsed = parseNetwork(network);
  if (parsed?.length === 0) return 'yes';
  if (address === null || parsed === null) return 'maybe';
  return sure(within([parsed])(address));
}

/** `192.0.2.1-192.0.2.9`. */
export function insideRange(range: string, address: Address | null): Takes {
  const [low = null, high = null] = range.split('-').map(parseAddress);
  if (address === null || low === null || high === null) return 'maybe';
  const families = [low, high, address].map(familyOf);
  if (new Set(families).size > 1) return 'no';
  const kind = families[0] === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addRange(low, high, kind);
  return sure(list.check(address, kind));
}

/** `53`, `1000:2000,53`. */
function inRanges(text: string, number: number | null): boolean {
  return text.split(',').some((range) => {
    const [low = '', high = low] = range.split(':');
    return number !== null && number >= Number(low) && number <= Number(high || 65_535);
  });
}

export function sure(is: boolean): Takes {
  return is ? 'yes' : 'no';
}

export function not(takes: Takes): Takes {
  return takes === 'maybe' ? 'maybe' : sure(takes === 'no');
}

export function both(a: Takes, b: Takes): Takes {
  if (a === 'no' || b === 'no') return 'no';
  return a === 'maybe' || b === 'maybe' ? 'maybe' : 'yes';
}
