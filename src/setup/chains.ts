/** Packets to watch -> the iptables chains that log them, in the words of `iptables -S`. */

import { MAX_CHAIN_NAME, MAX_IPTABLES_PREFIX } from '../config/values.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { type FlagRule, type LogFormat, TCP_FLAGS } from '../model.ts';
import { echoLength, type View, type Watched, withoutFlags } from './watched.ts';

export type Spec = readonly string[];

/** Each chain has its name and its rules, whole. */
export interface LogChain {
  readonly name: string;
  readonly rules: readonly Spec[];
}

export interface LogChains {
  /** Writes the line. Apart from the choice, so that a packet that two rules choose is written once. */
  readonly line: LogChain;
  /** Chooses the steps and traps of doors, ahead of all that ends a packet's way. */
  readonly log: LogChain;
  /** Logs what is about to be dropped at other ports; null where no sweep is guarded against. */
  readonly rest: LogChain | null;
}

/** How a line has to begin, and who writes it. */
export interface Line {
  readonly prefix: string;
  readonly format: LogFormat;
}

export interface LogSettings {
  /** The chain of the openings, after which these are named. */
  readonly chain: string;
  /** Those of all logs: a packet is to be in each. */
  readonly logs: readonly Line[];
  readonly sweepGuard: number;
}

/** What xt_multiport takes. */
const MAX_PORTS = 15;
/** What iptables has words for, in its order. A match that leaves the others out logs more than it must. */
const IPTABLES_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

/**
 * For each source: so that nobody can use up the log, or the lines of others. Whoever has an IPv6 address has a
 * network of them.
 */
const STEPS_PER_SECOND = 20;
const STEPS_AT_ONCE = 40;
const REST_PER_SECOND = 2;
const IPV6_SOURCE_BITS = 64;

/** The names of our chains beside that of the openings. */
export function chainNames(chain: string): {
  readonly log: string;
  readonly line: string;
  readonly rest: string;
} {
  const named = (tail: string): string => chain.slice(0, MAX_CHAIN_NAME - tail.length) + tail;
  return { log: named('-LOG'), line: named('-LINE'), rest: named('-REST') };
}

/** @throws KnocktailError 78 when iptables cannot write the prefix */
export function logChains(watched: Watched, settings: LogSettings): LogChains {
  const { chain, sweepGuard } = settings;
  const names = chainNames(chain);
  const targets = distinct(settings.logs).map(lineTarget);
  const chosen = choices(watched);
  const source = watched.family === 6 ? ['--hashlimit-srcmask', String(IPV6_SOURCE_BITS)] : [];
  const limit = (name: string, perSecond: number, atOnce: number): Spec => [
    ...['-m', 'hashlimit', '--hashlimit-upto', `${perSecond}/sec`, '--hashlimit-burst', String(atOnce)],
    ...['--hashlimit-mode', 'srcip', '--hashlimit-name', name, ...source],
  ];
  // Limits of one name are one limit, with the figures of the first, and two rules of it count each packet twice.
  const named = (name: string, index: number): string => (index === 0 ? name : `${name}-${index + 1}`);
  const line = targets.map((target, index) => [
    ...limit(named(names.line, index), STEPS_PER_SECOND, STEPS_AT_ONCE),
    ...target,
  ]);
  // Enough at once to be over the guard.
  const rest = targets.map((target, index) => [
    ...limit(named(names.rest, index), REST_PER_SECOND, 2 * (sweepGuard + 1)),
    ...target,
  ]);
  return {
    line: { name: names.line, rules: line },
    log: {
      name: names.log,
      rules: [
        // Whether to accept those is for the rules behind this chain: a ban there has to cut them.
        ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'RETURN'],
        ...chosen.map((spec) => [...spec, '-g', names.line]),
      ],
    },
    rest:
      sweepGuard === 0
        ? null
        : {
            name: names.rest,
            rules: [
              ...chosen.map((spec) => [...spec, '-j', 'RETURN']),
              ...strays(watched).flatMap((spec) => rest.map((each) => [...spec, ...each])),
            ],
          },
  };
}

/** Those of logs that differ: two that read the same lines need them once. */
export function distinct(logs: readonly Line[]): readonly Line[] {
  return logs.filter(
    (log, at) =>
      logs.findIndex((other) => other.prefix === log.prefix && isUlogd(other) === isUlogd(log)) === at,
  );
}

/** Every other log is made of what the LOG target writes. */
function isUlogd({ format }: Line): boolean {
  return format === 'ulogd';
}

/** No TCP sequence numbers: a log that others read should not have them, and matching does not need them. */
function lineTarget({ prefix, format }: Line): Spec {
  const most = MAX_IPTABLES_PREFIX[format];
  if (Buffer.byteLength(prefix) > most) {
    throw new KnocktailError(`iptables cannot write a log.prefix of more than ${most} bytes`, {
      exitCode: EXIT.CONFIG,
      value: prefix,
      remedy: 'shorten it',
    });
  }
  const [target, option] = format === 'ulogd' ? ['NFLOG', '--nflog-prefix'] : ['LOG', '--log-prefix'];
  // Informational, which stays off the console.
  const level = format === 'ulogd' ? [] : ['--log-level', '6'];
  return ['-j', target, ...(prefix === '' ? [] : [option, prefix]), ...level];
}

/** What picks out the steps and traps of the doors. */
function choices(watched: Watched): Spec[] {
  const { views, tcp, udp } = watched;
  const ports = (numbers: readonly number[]): Spec[] =>
    inLots(numbers).map((lot) => ['-m', 'multiport', '--dports', lot.join(',')]);
  return [
    ...views.flatMap((view) =>
      ports(tcp).map((spec) => [...ends(view, watched), '-p', 'tcp', ...flagMatch(view.flags), ...spec]),
    ),
    ...withoutFlags(views).flatMap((view) => [
      ...ports(udp).map((spec) => [...ends(view, watched), '-p', 'udp', ...spec]),
      ...echoMatches(watched).map((spec) => [...ends(view, watched), ...spec]),
    ]),
  ];
}

/** What a port scan is made of. A neighbour that calls out to all is none. */
function strays(watched: Watched): Spec[] {
  const toUs = ['-m', 'pkttype', '--pkt-type', 'unicast'];
  return [
    ...watched.views.map((view) => [...ends(view, watched), '-p', 'tcp', ...flagMatch(view.flags), ...toUs]),
    ...withoutFlags(watched.views).map((view) => [...ends(view, watched), '-p', 'udp', ...toUs]),
  ];
}

function ends({ from, to }: View, { interface: name, family }: Watched): Spec {
  return [
    ...(from === null ? [] : ['-s', from]),
    ...(to === null ? [] : ['-d', `${to}/${family === 4 ? 32 : 128}`]),
    ...(name === null ? [] : ['-i', name]),
  ];
}

function flagMatch(flags: FlagRule | null): Spec {
  const named = (bits: number): string => IPTABLES_FLAGS.filter((name) => bits & TCP_FLAGS[name]).join(',');
  const mask = flags === null ? '' : named(flags.set | flags.clear);
  if (flags === null || mask === '') return [];
  return ['-m', 'tcp', '--tcp-flags', mask, named(flags.set) || 'NONE'];
}

function echoMatches({ family, echoes }: Watched): Spec[] {
  const request =
    family === 4
      ? ['-p', 'icmp', '-m', 'icmp', '--icmp-type', '8']
      : ['-p', 'ipv6-icmp', '-m', 'icmp6', '--icmpv6-type', '128'];
  return echoes.flatMap((size) => {
    if (size === null) return [request];
    const length = echoLength(size, family);
    return length === null ? [] : [[...request, '-m', 'length', '--length', String(length)]];
  });
}

function inLots(numbers: readonly number[]): readonly (readonly number[])[] {
  const lots = Math.ceil(numbers.length / MAX_PORTS);
  return Array.from({ length: lots }, (_, lot) => numbers.slice(lot * MAX_PORTS, (lot + 1) * MAX_PORTS));
}
