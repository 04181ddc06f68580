/** Tells whether two packets can be the same one, logged twice. */

import type { Packet } from '../model.ts';

/** All that the wire gave to both lines; what depends on the rule (chain, interface, prefix, SEQ) may differ. */
export function sameOnWire(a: Packet, b: Packet): boolean {
  return (
    a.src === b.src &&
    a.dpt === b.dpt &&
    a.spt === b.spt &&
    a.proto === b.proto &&
    a.id === b.id &&
    (a.seq === b.seq || a.seq === null || b.seq === null) &&
    a.len === b.len &&
    a.flags === b.flags &&
    a.dst === b.dst &&
    a.icmp?.type === b.icmp?.type &&
    a.icmp?.code === b.icmp?.code
  );
}
