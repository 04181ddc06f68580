/** Decides from packets to ports of no door whether a source is sweeping ports. */

import { type AddressNumbers, type Micros, US_PER_SECOND } from '../model.ts';
import { type StrayLimits, SWEEP_WINDOW_US, strayLimits } from '../sweep-limits.ts';
import { hashOf } from './hash.ts';
import { headOf } from './source-slots.ts';
import { at } from './typed.ts';

const NONE = -1;
/** Places that one source can have: a search ends after so many, and the source that was quiet for longest goes. */
const WAYS = 8;
/** Ports that are remembered over all sources: 12 MB, of which a quiet host touches little. */
const PORTS_MAX = 0x10_0000;
/** Integers of a key: the host with the family, and the first half of the address. */
const KEY = 3;
/** How often a source that goes on sweeping is reported. */
const REPORT_US = 60 * US_PER_SECOND;

/**
 * Remembers, for a bounded number of sources, the last few distinct ports that belong to no door, and how many lines there
 * were of late. A source is an IPv4 address or an IPv6 network, at one host. All of it stands in arrays that are allocated
 * once, so that a flood of sources costs no memory.
 */
export class SweepGuard {
  readonly #limit: number;
  readonly #limits: StrayLimits;
  /** Ports that are remembered of a source: one more than it may touch. */
  readonly #depth: number;
  /** Of groups of places. */
  readonly #mask: number;
  readonly #keys: Int32Array;
  /** Distinct ports that are known, and 1; 0 where the place is free. */
  readonly #known: Int32Array;
  /** Lines in the bucket when the last of them came, and when that was. */
  readonly #levels: Float64Array;
  readonly #lastTimes: Float64Array;
  readonly #reportedAt: Float64Array;
  /** The port that was touched longest ago first. */
  readonly #ports: Int32Array;
  readonly #times: Float64Array;

  /**
   * @param limit ports that may be touched without harm; 0 turns the guard off
   * @param capacity sources to remember, fewer where the limit is high
   */
  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#limits = strayLimits(limit);
    this.#depth = limit + 1;
    const sources = limit === 0 ? WAYS : Math.max(WAYS, Math.min(capacity, PORTS_MAX / this.#depth));
    const groups = 2 ** Math.floor(Math.log2(sources / WAYS));
    const places = groups * WAYS;
    this.#mask = groups - 1;
    this.#keys = new Int32Array(places * KEY);
    this.#known = new Int32Array(places);
    this.#levels = new Float64Array(places);
    this.#lastTimes = new Float64Array(places);
    this.#reportedAt = new Float64Array(places);
    this.#ports = new Int32Array(places * this.#depth);
    this.#times = new Float64Array(places * this.#depth);
  }

  /**
   * Takes a packet to a port of no door.
   *
   * @param port null where the line has none, as of a packet that was cut off: it took a line of the source all the same
   * @returns whether the source is now to be reported as sweeping
   */
  stray(host: number, client: AddressNumbers, port: number | null, now: Micros): boolean {
    if (this.#limit === 0) return false;
    const found = this.#find(host, client);
    const place = found === NONE ? this.#claim(host, client) : found;
    this.#levels[place] = Math.min(this.#level(place, now) + 1, this.#limits.atOnce);
    this.#lastTimes[place] = now;
    if (port !== null) this.#touch(place, port, now);
    if (!this.#isSweeping(place, now, 0) || Math.abs(now - at(this.#reportedAt, place)) < REPORT_US)
      return false;
    this.#reportedAt[place] = now;
    return true;
  }

  /**
   * Whether a source has touched more ports than the limit in the last `windowUs`, or ten seconds if that is less, or has
   * sent so many packets to any that the firewall may have held some back.
   */
  sweeping(host: number, client: AddressNumbers, now: Micros, windowUs: number): boolean {
    if (this.#limit === 0) return false;
    const place = this.#find(host, client);
    return place !== NONE && this.#isSweeping(place, now, windowUs);
  }

  #isSweeping(place: number, now: Micros, windowUs: number): boolean {
    if (this.#level(place, now) >= this.#limits.suspect) return true;
    const isFull = at(this.#known, place) > this.#depth;
    return isFull && now - at(this.#times, place * this.#depth) < Math.max(windowUs, SWEEP_WINDOW_US);
  }

  #level(place: number, now: Micros): number {
    const passedUs = Math.max(0, now - at(this.#lastTimes, place));
    return Math.max(0, at(this.#levels, place) - (passedUs / US_PER_SECOND) * this.#limits.drainPerSecond);
  }

  #touch(place: number, port: number, now: Micros): void {
    const [ports, times] = [this.#ports, this.#times];
    const first = place * this.#depth;
    const count = at(this.#known, place) - 1;
    let gap = first + count - 1;
    while (gap >= first && at(ports, gap) !== port) gap--;
    let last = first + count - 1;
    if (gap < first && count < this.#depth) {
      last++;
      gap = last;
      this.#known[place] = count + 2;
    }
    // A port that is known moves to the end; for a new one the oldest makes room.
    for (let index = Math.max(gap, first); index < last; index++) {
      ports[index] = at(ports, index + 1);
      times[index] = at(times, index + 1);
    }
    ports[last] = port;
    times[last] = now;
  }

  /** Where a source stands; -1 where it is not known. */
  #find(host: number, client: AddressNumbers): number {
    const keys = this.#keys;
    const head = headOf(host, client);
    const first = this.#groupOf(head, client);
    for (let place = first; place < first + WAYS; place++) {
      const key = place * KEY;
      const isIt = at(keys, key + 1) === client.a && at(keys, key) === head && at(keys, key + 2) === client.b;
      if (isIt && at(this.#known, place) > 0) return place;
    }
    return NONE;
  }

  /** Gives a new source the place of the one that was quiet for longest. */
  #claim(host: number, client: AddressNumbers): number {
    const head = headOf(host, client);
    const first = this.#groupOf(head, client);
    let chosen = first;
    for (let place = first; place < first + WAYS; place++) {
      if (at(this.#known, place) === 0) {
        chosen = place;
        break;
      }
      if (at(this.#lastTimes, place) < at(this.#lastTimes, chosen)) chosen = place;
    }
    this.#keys[chosen * KEY] = head;
    this.#keys[chosen * KEY + 1] = client.a;
    this.#keys[chosen * KEY + 2] = client.b;
    this.#known[chosen] = 1;
    this.#levels[chosen] = 0;
    this.#reportedAt[chosen] = Number.NEGATIVE_INFINITY;
    return chosen;
  }

  #groupOf(head: number, { a, b }: AddressNumbers): number {
    return (hashOf(head, a, b) & this.#mask) * WAYS;
  }
}
