/** Derives from a Config the packets that the log must show, for one family. */

import type { Config, DoorConfig } from '../../config/schema.ts';
import { familyOf } from '../../lib/address.ts';
import type { Address, Family, FlagRule, Port, Sequence, Step } from '../../model.ts';

/** From where, to where and with which flags packets concern some door; null for any. */
export interface View {
  readonly from: string | null;
  readonly to: Address | null;
  readonly flags: FlagRule | null;
}

export interface Watched {
  readonly family: Family;
  /** Each once, rising: a list of rules need not tell the order of a knock. */
  readonly tcp: readonly Port[];
  readonly udp: readonly Port[];
  /** Payload sizes of echo requests; null for any size. */
  readonly echoes: readonly (number | null)[];
  /** Every door sees every door's ports, so ports and views are lists of their own. None contains another. */
  readonly views: readonly View[];
  /** Where packets come in; null for any interface. */
  readonly interface: string | null;
}

/** Bytes of the headers of an echo request: those of IP, and 8 of ICMP (RFC 792, RFC 4443). */
const ECHO_HEADERS = { 4: 20 + 8, 6: 40 + 8 };
const MAX_LENGTH = 65_535;

/**
 * Null when no door can see a packet of the family.
 *
 * @param sequencesOf all that may ever open the door, one-time sequences too
 */
export function watched(
  { doors, interface: name, ipv6 }: Pick<Config, 'doors' | 'interface' | 'ipv6'>,
  family: Family,
  sequencesOf: (door: string) => readonly Sequence[],
): Watched | null {
  if (family === 6 && !ipv6) return null;
  const views = [...doors.values()].flatMap((door) => viewsOf(door, family));
  if (views.length === 0) return null;
  const steps = [...doors].flatMap(([door, { trap }]) => [...sequencesOf(door).flat(), ...trap]);
  const echoes = [...new Set(steps.flatMap((step) => (step.proto === 'icmp' ? [step.size] : [])))];
  return {
    family,
    tcp: portsOf(steps, 'tcp'),
    udp: portsOf(steps, 'udp'),
    echoes: echoes.includes(null) ? [null] : echoes.sort((a, b) => Number(a) - Number(b)),
    views: widest(views),
    interface: name,
  };
}

/** The whole length of an echo request with this payload; null where the family has none so long. */
export function echoLength(size: number, family: Family): number | null {
  const length = size + ECHO_HEADERS[family];
  return length > MAX_LENGTH ? null : length;
}

/** The views of packets that have no flags. */
export function withoutFlags(views: readonly View[]): readonly View[] {
  return widest(views.map((view) => ({ ...view, flags: null })));
}

function viewsOf({ target: to, from, tcpflags: flags }: DoorConfig, family: Family): View[] {
  if (to !== null && familyOf(to) !== family) return [];
  if (from === null) return [{ from: null, to, flags }];
  return from
    .filter(({ address }) => familyOf(address) === family)
    .map(({ address, length }) => ({ from: length === 0 ? null : `${address}/${length}`, to, flags }));
}

/** Those that no other contains. */
function widest(views: readonly View[]): readonly View[] {
  const keyOf = (from: string | null, to: string | null): string => `${from ?? ''} ${to ?? ''}`;
  // One view for each choice of flags, by its ends: there are thousands of ends, and few such choices.
  const byEnds = new Map<string, Map<string, View>>();
  for (const view of views) {
    const key = keyOf(view.from, view.to);
    const others = byEnds.get(key) ?? new Map<string, View>();
    byEnds.set(key, others);
    const flags = view.flags === null ? '' : `${view.flags.set} ${view.flags.clear}`;
    if (!others.has(flags)) others.set(flags, view);
  }
  const distinct = [...byEnds.values()].flatMap((each) => [...each.values()]);
  return distinct.filter((view) => {
    const around = [
      ...new Set([view.from, null].flatMap((from) => [view.to, null].map((to) => keyOf(from, to)))),
    ].flatMap((key) => [...(byEnds.get(key)?.values() ?? [])]);
    return !around.some((other) => other !== view && takesFlagsOf(other, view));
  });
}

function takesFlagsOf(outer: View, inner: View): boolean {
  return outer.flags === null || (inner.flags !== null && isWider(outer.flags, inner.flags));
}

/** Whether all packets that the second lets through pass the first, too. */
function isWider(outer: FlagRule, inner: FlagRule): boolean {
  return (outer.set & ~inner.set) === 0 && (outer.clear & ~inner.clear) === 0;
}

function portsOf(steps: readonly Step[], proto: 'tcp' | 'udp'): Port[] {
  const ports = steps.flatMap((step) => (step.proto === proto ? [step.port] : []));
  return [...new Set(ports)].sort((a, b) => a - b);
}
