/** Builds the iptables chains that log the watched packets. */

import { MAX_CHAIN_NAME, MAX_IPTABLES_PREFIX } from '../../config/values.ts';
import { EXIT, KnocktailError } from '../../errors.ts';
import { markerOf } from '../../firewall/handles.ts';
import { type FlagRule, type LogFormat, TCP_FLAGS } from '../../model.ts';
import { IPV6_SOURCE_BITS, strayLimits } from '../../sweep-limits.ts';
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
  /** Logs packets to other ports; null where no sweep is guarded against. */
  readonly rest: RestChains | null;
}

export interface RestChains {
  /** Leads what comes in for this machine, and for no program that listens, to `rest`. */
  readonly closed: LogChain;
  /** Chooses what is no step and no trap. */
  readonly rest: LogChain;
  /** Writes the line. */
  readonly stray: LogChain;
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

/** For each source: so that nobody can use up the log, or the lines of others. */
export const STEPS_PER_SECOND = 20;
export const STEPS_AT_ONCE = 40;
/** The one way to find out whether a program listens there, whatever address it listens at. */
export const LISTENS: Spec = ['-m', 'socket', '--nowildcard', '-j', 'RETURN'];
/** The hook of packets for this machine: the only one where the kernel knows who listens. */
export const LOCAL_HOOK = 'INPUT';
const ESTABLISHED: Spec = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'RETURN'];
/** A neighbour that calls out to all. */
const NOT_TO_US: Spec = ['-m', 'pkttype', '!', '--pkt-type', 'unicast', '-j', 'RETURN'];

/** The names of our chains beside that of the openings. */
export function chainNames(chain: string): {
  readonly log: string;
  readonly line: string;
  readonly closed: string;
  readonly rest: string;
  readonly stray: string;
  /** Made by the daemon while it removes many rules, and empty. */
  readonly ended: string;
} {
  const named = (tail: string): string => chain.slice(0, MAX_CHAIN_NAME - tail.length) + tail;
  return {
    log: named('-LOG'),
    line: named('-LINE'),
    closed: named('-CLOSED'),
    rest: named('-REST'),
    stray: named('-STRAY'),
    ended: markerOf(chain),
  };
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
  const lines = (name: string, perSecond: number, atOnce: number): LogChain => ({
    name,
    rules: targets.map((target, index) => [...limit(named(name, index), perSecond, atOnce), ...target]),
  });
  const { perSecond, atOnce } = strayLimits(sweepGuard);
  const rest: RestChains = {
    closed: {
      name: names.closed,
      rules: [['-i', 'lo', '-j', 'RETURN'], ESTABLISHED, LISTENS, ['-g', names.rest]],
    },
    rest: {
      name: names.rest,
      rules: [
        NOT_TO_US,
        ...chosen.map((spec) => [...spec, '-j', 'RETURN']),
        // By a chain of its own, so that a packet that two of these choose takes one line.
        ...strays(watched).map((spec) => [...spec, '-g', names.stray]),
      ],
    },
    stray: lines(names.stray, perSecond, atOnce),
  };
  return {
    line: lines(names.line, STEPS_PER_SECOND, STEPS_AT_ONCE),
    log: {
      name: names.log,
      rules: [
        // Whether to accept those is for the rules behind this chain: a ban there has to cut them.
        ESTABLISHED,
        // A broadcast is no stray, so it must be no step: a neighbour could sweep by it.
        ...(sweepGuard === 0 ? [] : [NOT_TO_US]),
        ...chosen.map((spec) => [...spec, '-g', names.line]),
      ],
    },
    rest: sweepGuard === 0 ? null : rest,
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

/** What a scan of ports, or of sizes of pings, is made of: whatever the doors would take at another port. */
function strays(watched: Watched): Spec[] {
  const { views } = watched;
  const scansPings = watched.echoes.some((size) => size !== null);
  return [
    ...views.map((view) => [...ends(view, watched), '-p', 'tcp', ...flagMatch(view.flags)]),
    ...withoutFlags(views).flatMap((view) => [
      [...ends(view, watched), '-p', 'udp'],
      ...(scansPings ? [[...ends(view, watched), ...echoRequest(watched)]] : []),
    ]),
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

function echoRequest({ family }: Watched): Spec {
  return family === 4
    ? ['-p', 'icmp', '-m', 'icmp', '--icmp-type', '8']
    : ['-p', 'ipv6-icmp', '-m', 'icmp6', '--icmpv6-type', '128'];
}

function echoMatches(watched: Watched): Spec[] {
  const { family, echoes } = watched;
  const request = echoRequest(watched);
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
