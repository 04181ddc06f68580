/** Decides from packets to ports of no door whether a source is sweeping ports. */

import { ipv4Number } from '../address.ts';
import { type Address, type Micros, UDP_PORTS, US_PER_SECOND } from '../model.ts';
import { type StrayLimits, SWEEP_WINDOW_US, sourceOf, strayLimits } from '../sweep-limits.ts';
import { at } from './typed.ts';

interface Strays {
  /** Distinct ports, the one touched longest ago first; never more than the guard needs to know. */
  readonly ports: number[];
  readonly times: Micros[];
  /** Lines in the bucket when the last of them came. */
  level: number;
  lastTime: Micros;
}

/** First strays that are remembered: a power of two, so that a hash can be cut to it. */
const FIRSTS = 0x1_0000;
/** A port with its protocol is below this, so that a source and a port make one number. */
const PORT_NUMBERS = 2 * UDP_PORTS;
/** Knuth's multiplier for hashes (The Art of Computer Programming, 6.4): 2^32 by the golden ratio. */
const GOLDEN = 0x9e3779b1;
/** How long a first stray keeps its place. */
const FIRST_FOR_US = SWEEP_WINDOW_US;
const NOBODY = Number.NaN;

/**
 * Remembers, for a bounded number of sources, the last few distinct ports that belong to no door, and how many lines there
 * were of late. An IPv6 source is a network.
 */
export class SweepGuard {
  readonly #limit: number;
  readonly #limits: StrayLimits;
  readonly #capacity: number;
  /** Two generations: when the younger is full, it takes the place of the older. */
  #young = new Map<Address, Strays>();
  #old = new Map<Address, Strays>();
  /** The last address asked for: most come many times in a row. */
  #last: { readonly address: Address; readonly source: Address } | null = null;
  /**
   * The first stray of IPv4 sources, of most of which there never is a second: its time, then its source and port. A
   * source has two places, side by side.
   */
  readonly #firsts: Float64Array;

  /** `limit`: ports that may be touched without harm; 0 turns the guard off. */
  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#limits = strayLimits(limit);
    this.#capacity = capacity;
    this.#firsts = new Float64Array(limit === 0 ? 0 : FIRSTS * 2).fill(NOBODY);
  }

  /** Takes a stray that is the only one known of its source. False, and nothing taken, when it may not be. */
  only(ipv4: number, port: number, now: Micros): boolean {
    if (this.#limit === 0) return true;
    const place = placeOf(ipv4);
    const [here, there] = [this.#holderAt(place), this.#holderAt(place + 2)];
    if (here === ipv4 || there === ipv4) return false;
    const free = this.#isFree(place, now) ? place : place + 2;
    // Two sources with one place must not make each other forgotten.
    if (free !== place && !this.#isFree(free, now)) return false;
    this.#firsts[free] = now;
    this.#firsts[free + 1] = ipv4 * PORT_NUMBERS + port;
    return true;
  }

  /** @param port null where the line has none, as of a packet that was cut off: it took a line of the source all the same */
  stray(address: Address, port: number | null, now: Micros): void {
    if (this.#limit === 0) return;
    const ipv4 = ipv4Number(address);
    const strays = this.#straysOf(this.#sourceOf(address));
    if (ipv4 !== null) this.#takeFirst(ipv4, strays);
    this.#take(strays, port, now);
    if (ipv4 !== null) this.#hold(ipv4, now);
  }

  /**
   * Whether a source has touched more ports than the limit in the last `windowUs`, or ten seconds if that is less, or has
   * sent so many packets to any that the firewall may have held some back.
   */
  sweeping(address: Address, now: Micros, windowUs: number): boolean {
    if (this.#limit === 0) return false;
    const source = this.#sourceOf(address);
    const strays = this.#young.get(source) ?? this.#old.get(source);
    if (strays === undefined) return false;
    if (this.#level(strays, now) >= this.#limits.suspect) return true;
    const [oldest] = strays.times;
    const isFull = strays.times.length === this.#limit + 1;
    return isFull && oldest !== undefined && now - oldest < Math.max(windowUs, SWEEP_WINDOW_US);
  }

  #take(strays: Strays, port: number | null, now: Micros): void {
    strays.level = Math.min(this.#level(strays, now) + 1, this.#limits.atOnce);
    strays.lastTime = now;
    if (port === null) return;
    const known = strays.ports.indexOf(port);
    if (known >= 0) {
      strays.ports.splice(known, 1);
      strays.times.splice(known, 1);
    }
    strays.ports.push(port);
    strays.times.push(now);
    if (strays.ports.length > this.#limit + 1) {
      strays.ports.shift();
      strays.times.shift();
    }
  }

  #level({ level, lastTime }: Strays, now: Micros): number {
    const drained = (Math.max(0, now - lastTime) / US_PER_SECOND) * this.#limits.drainPerSecond;
    return Math.max(0, level - drained);
  }

  #sourceOf(address: Address): Address {
    if (this.#last?.address !== address) this.#last = { address, source: sourceOf(address) };
    return this.#last.source;
  }

  #straysOf(source: Address): Strays {
    const known = this.#young.get(source);
    if (known !== undefined) return known;
    const strays = this.#old.get(source) ?? none();
    if (this.#young.size >= this.#capacity / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(source, strays);
    return strays;
  }

  /** Adds the stray that was taken alone, where there is one: it is later than all others that are known. */
  #takeFirst(ipv4: number, strays: Strays): void {
    const place = this.#placeHeldBy(ipv4);
    if (place === null) return;
    const time = at(this.#firsts, place);
    if (time > strays.lastTime) this.#take(strays, at(this.#firsts, place + 1) - ipv4 * PORT_NUMBERS, time);
  }

  /** Keeps a place for a source that is known, so that no other stray of it is taken alone. */
  #hold(ipv4: number, now: Micros): void {
    const held = this.#placeHeldBy(ipv4);
    const free = [0, 2].map((side) => placeOf(ipv4) + side).find((place) => this.#isFree(place, now));
    const place = held ?? free;
    if (place === undefined) return;
    this.#firsts[place] = now;
    this.#firsts[place + 1] = ipv4 * PORT_NUMBERS;
  }

  #placeHeldBy(ipv4: number): number | null {
    const place = placeOf(ipv4);
    if (this.#holderAt(place) === ipv4) return place;
    return this.#holderAt(place + 2) === ipv4 ? place + 2 : null;
  }

  #isFree(place: number, now: Micros): boolean {
    return !(Math.abs(now - at(this.#firsts, place)) < FIRST_FOR_US);
  }

  /** The source whose first stray stands there; not a number where there is none. */
  #holderAt(place: number): number {
    return Math.floor(at(this.#firsts, place + 1) / PORT_NUMBERS);
  }
}

function none(): Strays {
  return { ports: [], times: [], level: 0, lastTime: Number.NEGATIVE_INFINITY };
}

/** Two strays of two numbers each stand there. */
function placeOf(ipv4: number): number {
  return ((Math.imul(ipv4, GOLDEN) >>> 16) & (FIRSTS / 2 - 1)) * 4;
}
