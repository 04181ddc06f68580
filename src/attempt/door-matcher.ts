/** Compiles doors into one lookup per port: which doors see a packet, and as which step. */

import { type FlagRule, type Lock, type Packet, type Sequence, type Step, UDP_PORTS } from '../model.ts';

/** One live sequence of one door; attempts are made at tracks. */
export interface Track {
  /** Place of the door in the configuration. */
  readonly order: number;
  readonly lock: Lock;
  readonly sequence: Sequence;
}

/** What a packet is to a track: bit i is set where step i of its sequence takes it. */
export interface Fit {
  readonly track: Track;
  readonly steps: number;
}

export interface DoorMatcher {
  readonly tracks: readonly Track[];
  /** The tracks that have this port among their steps; undefined when no door has. */
  fitsOf(port: number): readonly Fit[] | undefined;
  /** Whether any door has this port among its steps or traps. */
  concerns(port: number): boolean;
  /** The doors that have this port among their traps. */
  trapsAt(port: number): readonly Lock[] | undefined;
}

/** Numbers beyond those of ports. */
const ICMP = 0x2_0000;
const ICMP_ANY = 0x3_0000;

/** How many there are of TCP and UDP together. */
const PORT_NUMBERS = 0x2_0000;

const ECHO_REQUEST = 8;
const ECHO_REQUEST_V6 = 128;
/** What LEN counts ahead of the payload: the IP header and that of ICMP (RFC 792, RFC 4443). */
const IPV4_ECHO_BYTES = 20 + 8;
const IPV6_ECHO_BYTES = 40 + 8;

/** What may be a step of a packet (protocol and port, or the size of an echo request) as one number; else null. */
export function portKey(packet: Packet): number | null {
  if (packet.proto === 'icmp' || packet.proto === 'icmpv6') return echoKey(packet);
  if (packet.dpt === null) return null;
  if (packet.proto === 'tcp') return packet.dpt;
  return packet.proto === 'udp' ? UDP_PORTS | packet.dpt : null;
}

/** Whether a number of `portKey` is that of an echo request. */
export function isEcho(port: number): boolean {
  return port >= ICMP;
}

/** Compiles the sequences that are live now: `live[i]` are those of `locks[i]`. Tracks of `before` are kept. */
export function compile(
  locks: readonly Lock[],
  live: readonly (readonly Sequence[])[],
  before: readonly Track[],
): DoorMatcher {
  const tracks: Track[] = [];
  const kept = new Map<Lock, Track[]>();
  for (const track of before) push(kept, track.lock, track);
  const fits = new Map<number, Fit[]>();
  const traps = new Map<number, Lock[]>();
  locks.forEach((lock, order) => {
    for (const sequence of live[order] ?? []) {
      const known = kept.get(lock)?.find((track) => track.sequence === sequence);
      const track = known ?? { order, lock, sequence };
      tracks.push(track);
      for (const [port, steps] of stepsByPort(sequence)) push(fits, port, { track, steps });
    }
    for (const trap of lock.traps) push(traps, keyOf(trap), lock);
  });
  const concerned = new Uint8Array(PORT_NUMBERS);
  for (const port of [...fits.keys(), ...traps.keys()]) if (port < PORT_NUMBERS) concerned[port] = 1;
  return {
    tracks,
    concerns: (port) => concerned[port] === 1,
    fitsOf: (port) => withAnyEcho(fits, port, ({ track }) => track),
    trapsAt: (port) => withAnyEcho(traps, port, (lock) => lock),
  };
}

/** Whether a door sees a packet: UDP and ICMP are never excused by tcpflags. */
export function sees(lock: Lock, packet: Packet): boolean {
  return flagsFit(packet, lock.tcpflags) && lock.admits(packet);
}

/** The payload bytes of an echo request; null for any other packet. */
export function echoSize({ icmp, len, proto }: Packet): number | null {
  const isRequest = icmp?.type === (proto === 'icmp' ? ECHO_REQUEST : ECHO_REQUEST_V6);
  if (!isRequest || len === null) return null;
  const size = len - (proto === 'icmp' ? IPV4_ECHO_BYTES : IPV6_ECHO_BYTES);
  return size < 0 ? null : size;
}

export function flagsFit({ flags }: Packet, rule: FlagRule | null): boolean {
  if (rule === null || flags === null) return true;
  return (flags & rule.set) === rule.set && (flags & rule.clear) === 0;
}

function echoKey(packet: Packet): number | null {
  const size = echoSize(packet);
  return size === null ? null : ICMP | (size & 0xffff);
}

/** Steps by their port; a step for any echo request stands under each size that another step names, too. */
function stepsByPort(sequence: Sequence): Map<number, number> {
  const steps = new Map<number, number>();
  sequence.forEach((step, index) => {
    const port = keyOf(step);
    steps.set(port, (steps.get(port) ?? 0) | (1 << index));
  });
  const any = steps.get(ICMP_ANY) ?? 0;
  for (const [port, bits] of steps) if (isEcho(port)) steps.set(port, bits | any);
  return steps;
}

function keyOf(step: Step): number {
  if (step.proto === 'icmp') return step.size === null ? ICMP_ANY : ICMP | step.size;
  return step.proto === 'udp' ? UDP_PORTS | step.port : step.port;
}

/** What stands under an echo request of one size, and what takes any size. */
function withAnyEcho<T, K>(
  map: Map<number, T[]>,
  port: number,
  keyOf: (value: T) => K,
): readonly T[] | undefined {
  const exact = map.get(port);
  const any = isEcho(port) ? map.get(ICMP_ANY) : undefined;
  if (any === undefined || exact === undefined) return exact ?? any;
  const known = new Set(exact.map(keyOf));
  return [...exact, ...any.filter((one) => !known.has(keyOf(one)))];
}

function push<K, T>(map: Map<K, T[]>, key: K, value: T): void {
  const others = map.get(key);
  if (others === undefined) map.set(key, [value]);
  else others.push(value);
}
