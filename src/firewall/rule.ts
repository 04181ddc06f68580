/** Converts an opening to its iptables rule and back. */

import { familyOf, parseAddress, parsePort } from '../lib/address.ts';
import type { Address, Opening } from '../model.ts';

const MARK = 'knocktail:';
const COMMENT = /^knocktail:([A-Za-z0-9][A-Za-z0-9_.-]{0,63}) until=(never|[1-9]\d{0,11})$/;

/** Seconds since the epoch. iptables documents dates up to 2038 only: xt_time's default stop is INT_MAX. */
const LAST_DATESTOP = 2 ** 31 - 1;

/**
 * What follows `-I CHAIN 1` or `-D CHAIN`, in the words and the order in which `iptables -S` prints them:
 * `-D` wants the matches in the order of `-I`, and reading a rule back is a comparison.
 *
 * @param kernelEnds whether the kernel itself is to end the rule, which takes its xt_time
 */
export function ruleSpec(opening: Opening, kernelEnds = true): readonly string[] {
  const { door, source, proto, port, to, until } = opening;
  return [
    ...['-s', hostNetwork(source)],
    ...(to === null ? [] : ['-d', hostNetwork(to)]),
    ...['-p', proto, '-m', proto, '--dport', String(port)],
    ...['-m', 'comment', '--comment', `${MARK}${door} until=${until ?? 'never'}`],
    ...(kernelEnds ? endMatch(until) : []),
    ...['-j', 'ACCEPT'],
  ];
}

/**
 * The opening that a rule stands for, or null when the rule is someone else's. Ours is only what `ruleSpec`
 * makes of the opening, word for word, with the kernel's end or without.
 */
export function readRule(spec: readonly string[]): Opening | null {
  const opening = claimed(spec);
  if (opening === null) return null;
  return sameWords(spec, ruleSpec(opening)) || sameWords(spec, ruleSpec(opening, false)) ? opening : null;
}

/**
 * xt_time matches until `stamp > date_stop` (net/netfilter/xt_time.c), the second of the stop included: measured
 * with packets every millisecond, the last one passed 1.006 s after the stop began, in both backends and families
 * (Linux 6.18; the odd milliseconds are the kernel's coarse clock). So the stop is the second before the first
 * shut one.
 */
function endMatch(until: number | null): readonly string[] {
  if (until === null || until - 1 > LAST_DATESTOP) return [];
  const stop = new Date((until - 1) * 1000).toISOString().slice(0, '2026-11-20T23:53:36'.length);
  return ['-m', 'time', '--datestop', stop];
}

function claimed(spec: readonly string[]): Opening | null {
  const [, door, end] = COMMENT.exec(after(spec, '--comment')) ?? [];
  const source = parseAddress(after(spec, '-s').replace(/\/.*/, ''));
  const port = parsePort(after(spec, '--dport'));
  const proto = after(spec, '-p');
  if (door === undefined || source === null || port === null) return null;
  if (proto !== 'tcp' && proto !== 'udp') return null;
  return {
    door,
    source,
    proto,
    port,
    to: parseAddress(after(spec, '-d').replace(/\/.*/, '')),
    until: end === 'never' ? null : Number(end),
  };
}

function hostNetwork(address: Address): string {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

function after(spec: readonly string[], option: string): string {
  const at = spec.indexOf(option);
  return at < 0 ? '' : (spec[at + 1] ?? '');
}

function sameWords(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((word, at) => word === right[at]);
}
