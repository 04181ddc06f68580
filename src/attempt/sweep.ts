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
/** Integers of a key: the host with the family, the first half of the address, and whether the place is taken. */
const KEY = 4;
const TAKEN = 3;
/** Where things stand in the row of a source, which is in one place as memory is read by cache lines. */
const [LEVEL, LAST_TIME, REPORTED_AT, KNOWN, TIMES] = [0, 1, 2, 3, 4];
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
  /**
   * A row a place: the lines in the bucket when the last of them came, and when that was; when the source was reported; how
   * many distinct ports are known; when each was touched, the one longest ago first; and the ports themselves.
   */
  readonly #rows: Float64Array;
  readonly #rowLength: number;

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
    this.#rowLength = TIMES + 2 * this.#depth;
    this.#rows = new Float64Array(places * this.#rowLength);
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
    const row = found === NONE ? this.#claim(host, client) : found;
    const rows = this.#rows;
    rows[row + LEVEL] = Math.min(this.#level(row, now) + 1, this.#limits.atOnce);
    rows[row + LAST_TIME] = now;
    if (port !== null) this.#touch(row, port, now);
    if (!this.#isSweeping(row, now, 0) || Math.abs(now - at(rows, row + REPORTED_AT)) < REPORT_US)
      return false;
    rows[row + REPORTED_AT] = now;
    return true;
  }

  /**
   * Whether a source has touched more ports than the limit in the last `windowUs`, or ten seconds if that is less, or has
   * sent so many packets to any that the firewall may have held some back.
   */
  sweeping(host: number, client: AddressNumbers, now: Micros, windowUs: number): boolean {
    if (this.#limit === 0) return false;
    const row = this.#find(host, client);
    return row !== NONE && this.#isSweeping(row, now, windowUs);
  }

  /** Whether one more packet to a port of no door may make a source `sweeping`. Where it says no, none can. */
  mayBeSweeping(host: number, client: AddressNumbers, now: Micros, windowUs: number): boolean {
    if (this.#limit === 0) return false;
    const row = this.#find(host, client);
    if (row === NONE) return this.#limits.suspect <= 1;
    if (this.#level(row, now) + 1 >= this.#limits.suspect) return true;
    // With the next port, either of the first two may be the one touched longest ago.
    const oldest = Math.max(at(this.#rows, row + TIMES), at(this.#rows, row + TIMES + 1));
    const isAlmostFull = at(this.#rows, row + KNOWN) >= this.#limit;
    return isAlmostFull && now - oldest < Math.max(windowUs, SWEEP_WINDOW_US);
  }

  #isSweeping(row: number, now: Micros, windowUs: number): boolean {
    if (this.#level(row, now) >= this.#limits.suspect) return true;
    const isFull = at(this.#rows, row + KNOWN) >= this.#depth;
    return isFull && now - at(this.#rows, row + TIMES) < Math.max(windowUs, SWEEP_WINDOW_US);
  }

  #level(row: number, now: Micros): number {
    const passedUs = Math.max(0, now - at(this.#rows, row + LAST_TIME));
    return Math.max(
      0,
      at(this.#rows, row + LEVEL) - (passedUs / US_PER_SECOND) * this.#limits.drainPerSecond,
    );
  }

  #touch(row: number, port: number, now: Micros): void {
    const [rows, depth] = [this.#rows, this.#depth];
    const first = row + TIMES;
    const count = at(rows, row + KNOWN);
    let gap = first + count - 1;
    while (gap >= first && at(rows, gap + depth) !== port) gap--;
    let last = first + count - 1;
    if (gap < first && count < depth) {
      last++;
      gap = last;
      rows[row + KNOWN] = count + 1;
    }
    // A port that is known moves to the end; for a new one the oldest makes room.
    for (let index = Math.max(gap, first); index < last; index++) {
      rows[index] = at(rows, index + 1);
      rows[index + depth] = at(rows, index + depth + 1);
    }
    rows[last] = now;
    rows[last + depth] = port;
  }

  /** The row of a source; -1 where it is not known. */
  #find(host: number, client: AddressNumbers): number {
    const keys = this.#keys;
    const { a, b } = client;
    const head = headOf(host, client);
    const first = this.#groupOf(head, client);
    for (let place = first; place < first + WAYS; place++) {
      const key = place * KEY;
      const isIt = at(keys, key + 1) === a && at(keys, key) === head && at(keys, key + 2) === b;
      if (isIt && at(keys, key + TAKEN) === 1) return place * this.#rowLength;
    }
    return NONE;
  }

  /** Gives a new source the row of the one that was quiet for longest. */
  #claim(host: number, client: AddressNumbers): number {
    const [keys, rows] = [this.#keys, this.#rows];
    const head = headOf(host, client);
    const first = this.#groupOf(head, client);
    let chosen = first;
    for (let place = first; place < first + WAYS; place++) {
      if (at(keys, place * KEY + TAKEN) === 0) {
        chosen = place;
        break;
      }
      const quietSince = at(rows, place * this.#rowLength + LAST_TIME);
      if (quietSince < at(rows, chosen * this.#rowLength + LAST_TIME)) chosen = place;
    }
    keys[chosen * KEY] = head;
    keys[chosen * KEY + 1] = client.a;
    keys[chosen * KEY + 2] = client.b;
    keys[chosen * KEY + TAKEN] = 1;
    const row = chosen * this.#rowLength;
    rows[row + KNOWN] = 0;
    rows[row + LEVEL] = 0;
    rows[row + REPORTED_AT] = Number.NEGATIVE_INFINITY;
    return row;
  }

  #groupOf(head: number, { a, b }: AddressNumbers): number {
    return (hashOf(head, a, b) & this.#mask) * WAYS;
  }
}
