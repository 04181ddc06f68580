/** Merges the packets of several logs by time, each packet once. */

import { sameOnWire } from '../lib/same-packet.ts';
import { type Micros, type Packet, US_PER_SECOND } from '../model.ts';

/** A log that has not been read to its end for so long is not waited for. */
const STALLED_US = US_PER_SECOND;
/** The clocks of two logs may be this far apart: one has the kernel's stamps, the other whole seconds. */
const SAME_PACKET_US = 2 * US_PER_SECOND;
/** How long a second log may be behind the first, at the least. */
const REMEMBERED_US = 10 * US_PER_SECOND;
/** Packets that wait, and those that are remembered: what a flood can make. */
const MOST_HELD = 65_536;
const MOST_REMEMBERED = 65_536;
/** Of those, from one source to one port. */
const MOST_ALIKE = 64;

export interface Arrival<Log> {
  readonly log: Log;
  readonly packet: Packet;
  readonly readAt: Micros;
  /** It was acted on before, by what was here then. */
  again: boolean;
}

/** One packet, and the logs that have shown it. */
interface Sighting<Log> {
  readonly arrival: Arrival<Log>;
  readonly logs: Log[];
}

/**
 * A packet is handed on once every other log has been read up to its moment, or has shown the same packet. With one
 * log nothing waits.
 */
export class Merge<Log> {
  /** Up to when each log has been read. */
  readonly #drainedAt = new Map<Log, Micros>();
  /** Those that were never read to their end. */
  readonly #fresh = new Set<Log>();
  /** By time. */
  #held: Sighting<Log>[] = [];
  #young = new Map<string, Sighting<Log>[]>();
  #old = new Map<string, Sighting<Log>[]>();
  /** How many sightings the young ones are: a source may repeat itself. */
  #youngCount = 0;
  #turnedAt: Micros = 0;
  #rememberedUs = REMEMBERED_US;

  /** Copies are told for so long: as long as one that is taken for a packet of its own could still open a door. */
  remember(us: Micros): void {
    this.#rememberedUs = Math.max(REMEMBERED_US, us);
  }

  /** Packets of this log count from here on, and are waited for. */
  join(log: Log, now: Micros): void {
    this.#drainedAt.set(log, now);
    this.#fresh.add(log);
  }

  /** This log is read no more. */
  leave(log: Log): void {
    this.#drainedAt.delete(log);
    this.#fresh.delete(log);
  }

  /** All that stood in this log at that moment has been read. */
  drained(log: Log, at: Micros): void {
    if (!this.#drainedAt.has(log)) return;
    this.#drainedAt.set(log, at);
    this.#fresh.delete(log);
  }

  /** Whether every log has been read to its end once. */
  get isCaughtUp(): boolean {
    return this.#fresh.size === 0;
  }

  add(arrival: Arrival<Log>): void {
    const sighting: Sighting<Log> = { arrival, logs: [arrival.log] };
    if (this.#drainedAt.size > 1 && this.#isCopy(sighting)) return;
    const { time } = arrival.packet;
    let at = this.#held.length;
    while (at > 0 && timeOf(this.#held[at - 1]) > time) at--;
    this.#held.splice(at, 0, sighting);
  }

  /** Packets that wait for no log any more, by time. */
  take(now: Micros): readonly Arrival<Log>[] {
    const waiting = this.#held.findIndex((sighting) => !this.#isDue(sighting, now));
    const due = waiting < 0 ? this.#held.length : waiting;
    const count = Math.max(due, this.#held.length - MOST_HELD);
    return count === 0 ? [] : this.#held.splice(0, count).map(({ arrival }) => arrival);
  }

  /** Whether packets of this log wait. */
  holds(log: Log): boolean {
    return this.#held.some(({ logs }) => logs.includes(log));
  }

  /** Up to when what was read has been handed on: what waits has been read no longer ago than it may wait. */
  passedAt(now: Micros): Micros {
    return this.#held.length === 0 ? now : now - STALLED_US;
  }

  #isDue({ arrival, logs }: Sighting<Log>, now: Micros): boolean {
    for (const [log, at] of this.#drainedAt) {
      if (at < arrival.readAt && now - at <= STALLED_US && !logs.includes(log)) return false;
    }
    return true;
  }

  /** Each packet of one log is paired with one of the other at most: a sender may repeat itself. */
  #isCopy(sighting: Sighting<Log>): boolean {
    const { packet, log, readAt, again } = sighting.arrival;
    const key = `${packet.src} ${packet.dpt}`;
    const known = [...(this.#old.get(key) ?? []), ...(this.#young.get(key) ?? [])];
    const same = known.find(
      ({ arrival, logs }) =>
        !logs.includes(log) &&
        Math.abs(arrival.packet.time - packet.time) <= SAME_PACKET_US &&
        sameOnWire(arrival.packet, packet),
    );
    if (same !== undefined) {
      same.logs.push(log);
      same.arrival.again ||= again;
      return true;
    }
    this.#keep(key, sighting, readAt);
    return false;
  }

  #keep(key: string, sighting: Sighting<Log>, now: Micros): void {
    if (Math.abs(now - this.#turnedAt) > this.#rememberedUs || this.#youngCount >= MOST_REMEMBERED) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCount = 0;
      this.#turnedAt = now;
    }
    this.#youngCount++;
    const others = this.#young.get(key);
    if (others === undefined) this.#young.set(key, [sighting]);
    else if (others.push(sighting) > MOST_ALIKE) others.shift();
  }
}

function timeOf(sighting: Sighting<unknown> | undefined): Micros {
  return sighting?.arrival.packet.time ?? Number.NEGATIVE_INFINITY;
}
