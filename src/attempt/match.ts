/** Doors -> what each of them sees of a packet, compiled to one look-up a port. */

import type { FlagRule, Lock, Packet, Sequence } from '../model.ts';

/** One live sequence of one door; attempts are made at tracks. */
export interface Track {
  /** Place of the door in the configuration. */
  readonly order: number;
  readonly lock: Lock;
  readonly sequence: Sequence;
}

/** What a port is to a track: bit i is set where step i of its sequence takes the port. */
export interface Fit {
  readonly track: Track;
  readonly steps: number;
}

export interface Sight {
  readonly tracks: readonly Track[];
  /** The tracks that have this protocol and port among their steps; undefined when no door has. */
  fitsOf(port: number): readonly Fit[] | undefined;
}

const UDP = 0x1_0000;

/** Protocol and destination port as one number, or null where a packet has no such port. */
export function portKey(packet: Packet): number | null {
  if (packet.dpt === null) return null;
  if (packet.proto === 'tcp') return packet.dpt;
  return packet.proto === 'udp' ? UDP | packet.dpt : null;
}

/** Compiles the sequences that are live now: `live[i]` are those of `locks[i]`. Tracks of `before` are kept. */
export function compile(
  locks: readonly Lock[],
  live: readonly (readonly Sequence[])[],
  before: readonly Track[],
): Sight {
  const tracks: Track[] = [];
  const fits = new Map<number, Fit[]>();
  locks.forEach((lock, order) => {
    for (const sequence of live[order] ?? []) {
      const known = before.find((track) => track.lock === lock && track.sequence === sequence);
      const track = known ?? { order, lock, sequence };
      tracks.push(track);
      for (const [port, steps] of stepsByPort(sequence)) {
        const others = fits.get(port);
        if (others === undefined) fits.set(port, [{ track, steps }]);
        else others.push({ track, steps });
      }
    }
  });
  return { tracks, fitsOf: (port) => fits.get(port) };
}

/** Whether the flags of a packet satisfy a door: UDP is never excused by tcpflags. */
export function flagsFit(packet: Packet, rule: FlagRule | null): boolean {
  if (rule === null || packet.flags === null) return true;
  return (packet.flags & rule.set) === rule.set && (packet.flags & rule.clear) === 0;
}

function stepsByPort(sequence: Sequence): Map<number, number> {
  const steps = new Map<number, number>();
  sequence.forEach(({ proto, port }, step) => {
    const key = proto === 'udp' ? UDP | port : port;
    steps.set(key, (steps.get(key) ?? 0) | (1 << step));
  });
  return steps;
}
