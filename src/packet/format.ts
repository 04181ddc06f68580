/** Builds the object that `knocktail parse --json` prints for a packet. */

import { isoTime } from '../lib/time.ts';
import { type Packet, TCP_FLAGS } from '../model.ts';

/** Keys that are left out where they say nothing. */
const LEFT_OUT: ReadonlySet<string> = new Set(['host', 'proto']);
const FLAGS = Object.entries(TCP_FLAGS);

/** The names of the flags that are set, in the kernel's order; null unless TCP. */
export function flagNames({ flags }: Packet): string[] | null {
  return flags === null ? null : FLAGS.flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
}

/** Keys in a stable order; what the line does not have is left out. */
export function packetJson(packet: Packet): object {
  const { host, prefix, in: input, out, src, dst, proto, spt, dpt, icmp, len, id } = packet;
  const flags = flagNames(packet);
  const all = {
    time: isoTime(packet.time),
    host,
    prefix,
    in: input,
    out,
    src,
    dst,
    proto,
    spt,
    dpt,
    flags,
    icmp,
    len,
    id,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([key, value]) => value !== null && (value !== '' || !LEFT_OUT.has(key))),
  );
}
