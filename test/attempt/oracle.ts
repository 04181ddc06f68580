/** Says what opens in a whole list of packets, by brute force from the sentence that the engine keeps. */

import { echoSize } from '../../src/attempt/match.ts';
import type { Lock, Packet, Step } from '../../src/model.ts';

const SWEEP_GUARD = 8;

/**
 * A door opens when a client's packets hold its sequence, in order and inside its window, and each packet that the door
 * sees between two of these knocks fits a step before it. What was sent up to an opening is used up for that door.
 * Nothing that a client sent up to a moment at which it was sweeping counts.
 *
 * Which packets are the knocks is left open: any choice will do.
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
      const starts = seen.filter((start, place) => {
        const first = packets[start] ?? packet;
        return (
          (sequence.length === 1 || packet.time - first.time < door.seqTimeoutUs) &&
          !sweptBetween(packets, doors, door, packet.src, start, index) &&
          holds(
            sequence,
            seen.slice(place).map((i) => packets[i] ?? packet),
          )
        );
      });
      if (starts.length === 0) continue;
      opens.push(`${door.name}@${index}`);
      usedUpTo.set(key, index);
    }
  });
  return opens.sort().join(' ');
}

/** Whether the first and the last of these packets, and some between them, are the sequence, and the others repeats. */
function holds(sequence: readonly Step[], packets: readonly Packet[], taken = 0): boolean {
  const [packet, ...later] = packets;
  if (packet === undefined) return taken === sequence.length;
  const isKnock = (step: Step): boolean => fitsStep(step, packet);
  const asKnock = sequence.slice(taken, taken + 1).some(isKnock) && holds(sequence, later, taken + 1);
  const mayRepeat = taken > 0 && later.length > 0 && sequence.slice(0, taken).some(isKnock);
  return asKnock || (mayRepeat && holds(sequence, later, taken));
}

export function fitsStep(step: Step, packet: Packet): boolean {
  if (step.proto !== 'icmp') return step.proto === packet.proto && step.port === packet.dpt;
  const size = echoSize(packet);
  return size !== null && (step.size === null || step.size === size);
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
  return door.sequences(packet.time).some((steps) => steps.some((step) => fitsStep(step, packet)));
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
        echoSize(other) === null &&
        !doors.some((any) => hasPort(any, other)),
    );
    return new Set(strays.map(({ proto, dpt }) => `${proto} ${dpt}`)).size > SWEEP_GUARD;
  });
}
