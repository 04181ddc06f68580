/** Whole packet lists -> what opens, by brute force: the sentence that the engine is to keep, and nothing else. */

import type { Lock, Packet } from '../../src/model.ts';
import { portOf } from './traffic.ts';

const SWEEP_GUARD = 8;

/**
 * A door opens when the last n packets it can see from a source, inside its window, are its sequence. A
 * completed sequence is used up. Nothing that a source sent up to a moment at which it was sweeping counts.
 */
export function oracle(doors: readonly Lock[], packets: readonly Packet[]): string {
  const opens: string[] = [];
  const usedUpTo = new Map<string, number>();
  packets.forEach((packet, index) => {
    for (const door of doors) {
      if (!sees(door, doors, packet)) continue;
      const key = `${door.name} ${packet.src}`;
      const [sequence = []] = door.sequences(packet.time);
      const seen = packets.flatMap((other, i) =>
        i <= index && i > (usedUpTo.get(key) ?? -1) && other.src === packet.src && sees(door, doors, other)
          ? [i]
          : [],
      );
      const last = seen.slice(-sequence.length);
      const first = packets[last[0] ?? index] ?? packet;
      const matches =
        last.length === sequence.length &&
        sequence.every((awaited, step) => {
          const knock = packets[last[step] ?? index];
          return knock?.proto === awaited.proto && knock.dpt === portOf(awaited);
        }) &&
        (sequence.length === 1 || packet.time - first.time < door.seqTimeoutUs) &&
        !sweptBetween(packets, doors, door, packet.src, last[0] ?? index, index);
      if (!matches) continue;
      opens.push(`${door.name}@${index}`);
      usedUpTo.set(key, index);
    }
  });
  return opens.sort().join(' ');
}

function sees(door: Lock, doors: readonly Lock[], packet: Packet): boolean {
  return fits(door, packet) && doors.some((other) => fits(other, packet) && hasPort(other, packet));
}

function fits({ tcpflags }: Lock, { flags }: Packet): boolean {
  return (
    tcpflags === null ||
    flags === null ||
    ((flags & tcpflags.set) === tcpflags.set && (flags & tcpflags.clear) === 0)
  );
}

function hasPort(door: Lock, packet: Packet): boolean {
  return door
    .sequences(packet.time)
    .some((steps) => steps.some((s) => portOf(s) === packet.dpt && s.proto === packet.proto));
}

/** Whether at any packet of the source from `first` to `last` it had touched too many ports of no door. */
function sweptBetween(
  packets: readonly Packet[],
  doors: readonly Lock[],
  door: Lock,
  source: string,
  first: number,
  last: number,
): boolean {
  return packets.some((moment, index) => {
    if (index < first || index > last || moment.src !== source) return false;
    const strays = packets.filter(
      (other, i) =>
        i <= index &&
        other.src === source &&
        moment.time - other.time < door.seqTimeoutUs &&
        !doors.some((any) => hasPort(any, other)),
    );
    return new Set(strays.map(({ proto, dpt }) => `${proto} ${dpt}`)).size > SWEEP_GUARD;
  });
}
