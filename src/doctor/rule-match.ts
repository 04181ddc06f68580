/** A rule of iptables and a knock -> whether the rule takes it, as far as its words are understood. */

import { parseNetwork, within } from '../config/networks.ts';
import { type Address, type Family, type Port, TCP_FLAGS } from '../model.ts';

/** A knock that is yet to come. Null is what any may be. */
export interface Probe {
  readonly family: Family;
  readonly proto: 'tcp' | 'udp' | 'icmp';
  /** Null for a ping. */
  readonly port: Port | null;
  /** A sum of TCP_FLAGS. */
  readonly flags: number;
  /** The whole length of a ping. */
  readonly length: number | null;
  readonly from: Address | null;
  readonly to: Address | null;
  readonly interface: string | null;
}

export interface RuleMatch {
  readonly takes: 'yes' | 'no' | 'maybe';
  /** By a limit that all sources share. */
  readonly isThrottled: boolean;
}

type Takes = RuleMatch['takes'];
type Test = (value: string, probe: Probe) => Takes;

const TARGETS: ReadonlySet<string> = new Set(['-j', '-g']);

const TESTS: Readonly<Record<string, Test>> = {
  '-p': (value, { proto, family }) =>
    sure(value === 'all' || value === (proto === 'icmp' && family === 6 ? 'ipv6-icmp' : proto)),
  '-i': (value, probe) => (probe.interface === null ? 'maybe' : sure(named(value, probe.interface))),
  '-s': (value, { from }) => inside(value, from),
  '-d': (value, { to }) => inside(value, to),
  '--dport': (value, { port }) => sure(inRanges(value, port)),
  '--dports': (value, { port }) => sure(inRanges(value, port)),
  '--icmp-type': (value) => sure(value === '8' || value === 'any'),
  '--icmpv6-type': (value) => sure(value === '128'),
  '--length': (value, { length }) => (length === null ? 'maybe' : sure(inRanges(value, length))),
  '--ctstate': (value) => sure(value.split(',').includes('NEW')),
  '--state': (value) => sure(value.split(',').includes('NEW')),
  '--pkt-type': (value) => sure(value === 'unicast'),
  '--dst-type': (value) => (/^(?:BROADCAST|MULTICAST|ANYCAST)$/.test(value) ? 'no' : 'maybe'),
  // One knock is below any rate that somebody has thought of.
  '--hashlimit-above': () => 'no',
};
/** What says nothing of a packet. */
const HARMLESS = /^--(?:comment|limit-burst|hashlimit-(?!above|upto).*)$/;

export function matchRule(spec: readonly string[], probe: Probe): RuleMatch {
  let takes: Takes = 'yes';
  let isThrottled = false;
  const end = spec.findIndex((word) => TARGETS.has(word));
  const words = end < 0 ? spec : spec.slice(0, end);
  for (let at = 0; at < words.length; at++) {
    const isNegated = words[at] === '!';
    if (isNegated) at++;
    const option = words[at] ?? '';
    if (option === '-m' || HARMLESS.test(option)) {
      at++;
      continue;
    }
    if (!option.startsWith('-')) continue;
    if (option === '--limit') isThrottled = true;
    const result = test(option, words[at + 1] ?? '', words[at + 2] ?? '', probe);
    takes = both(takes, isNegated ? not(result) : result);
  }
  return { takes, isThrottled };
}

function test(option: string, value: string, second: string, probe: Probe): Takes {
  if (option === '--tcp-flags') return sure((probe.flags & bits(value)) === bits(second));
  return TESTS[option]?.(value, probe) ?? 'maybe';
}

function bits(names: string): number {
  return Object.entries(TCP_FLAGS).reduce(
    (sum, [name, bit]) => (names.split(',').includes(name) ? sum | bit : sum),
    0,
  );
}

function named(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function inside(network: string, address: Address | null): Takes {
  const parsed = parseNetwork(network);
  if (address === null || parsed === null) return 'maybe';
  return sure(within([parsed])(address));
}

/** `53`, `1000:2000,53`. */
function inRanges(text: string, number: number | null): boolean {
  return text.split(',').some((range) => {
    const [low = '', high = low] = range.split(':');
    return number !== null && number >= Number(low) && number <= Number(high);
  });
}

function sure(is: boolean): Takes {
  return is ? 'yes' : 'no';
}

function not(takes: Takes): Takes {
  return takes === 'maybe' ? 'maybe' : sure(takes === 'no');
}

function both(a: Takes, b: Takes): Takes {
  if (a === 'no' || b === 'no') return 'no';
  return a === 'maybe' || b === 'maybe' ? 'maybe' : 'yes';
}
