/** Says what opens in a whole list of packets, by brute force from the sentence that the engine keeps. */

import { echoSize } from '../../src/attempt/door-matcher.ts';
import { familyOf, networkOf } from '../../src/lib/address.ts';
import {
  type Address,
  type Lock,
  type Micros,
  type Packet,
  type Step,
  US_PER_SECOND,
} from '../../src/model.ts';
import { IPV6_SOURCE_BITS, SWEEP_WINDOW_US, strayLimits } from '../../src/sweep-limits.ts';

const SWEEP_GUARD = 8;

/** A line of a source that is about no step and no trap. */
export interface StrayLine {
  /** Null where it has none. */
  readonly port: string | number | null;
  readonly time: Micros;
}

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
          !sweptBetween(packets, doors, door, sourceOf(packet.src), start, index) &&
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

/** Whether at any packet of the source from `first` to `last` it was sweeping. */
function sweptBetween(
  packets: readonly Packet[],
  doors: readonly Lock[],
  door: Lock,
  source: string,
  first: number,
  last: number,
): boolean {
  return packets.some((moment, index) => {
    if (index < first || index > last || sourceOf(moment.src) !== source) return false;
    return isSweeping(straysOf(packets.slice(0, index + 1), doors, source), moment.time, door.seqTimeoutUs);
  });
}

/** The strays of a source among these packets, in their order. */
export function straysOf(packets: readonly Packet[], doors: readonly Lock[], source: string): StrayLine[] {
  return packets
    .filter((packet) => sourceOf(packet.src) === source && !doors.some((door) => hasPort(door, packet)))
    .map(({ proto, dpt, time, ...other }) => ({
      port: `${proto} ${dpt ?? echoSize({ proto, dpt, time, ...other })}`,
      time,
    }));
}

/** Whether so many ports were touched in the window, or so many lines are left when the bucket has drained up to now. */
export function isSweeping(
  strays: readonly StrayLine[],
  now: Micros,
  windowUs: number,
  limit = SWEEP_GUARD,
): boolean {
  const recent = strays.filter(({ time }) => now - time < Math.max(windowUs, SWEEP_WINDOW_US));
  const ports = new Set(recent.map(({ port }) => port).filter((port) => port !== null));
  if (ports.size > limit) return true;
  const { suspect, drainPerSecond, atOnce } = strayLimits(limit);
  let level = 0;
  strays.forEach(({ time }, index) => {
    const next = strays[index + 1]?.time ?? now;
    level = Math.max(0, Math.min(level + 1, atOnce) - ((next - time) / US_PER_SECOND) * drainPerSecond);
  });
  return level >= suspect;
}

/** The address, or of IPv6 the network, that the firewall and the guard count packets by. */
function sourceOf(address: Address): Address {
  return familyOf(address) === 4 ? address : networkOf(address, IPV6_SOURCE_BITS);
}
