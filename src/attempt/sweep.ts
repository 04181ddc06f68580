/** Packets to ports of no door -> since when a source has been sweeping. */

import { ipv4Number } from '../address.ts';
import { type Address, type Micros, UDP_PORTS, US_PER_SECOND } from '../model.ts';
import { at } from './typed.ts';

interface Strays {
  /** Distinct ports, the one touched longest ago first; never more than the guard needs to know. */
  readonly ports: number[];
  readonly times: Micros[];
}

/** First strays that are remembered: a power of two, so that a hash can be cut to it. */
const FIRSTS = 0x1_0000;
/** A port with its protocol is below this, so that a source and a port make one number. */
const PORT_NUMBERS = 2 * UDP_PORTS;
/** Knuth's multiplier for hashes (The Art of Computer Programming, 6.4): 2^32 by the golden ratio. */
const GOLDEN = 0x9e3779b1;
/** How long a first stray keeps its place. */
const FIRST_FOR_US = 10 * US_PER_SECOND;
const NOBODY = Number.NaN;

/** Remembers, for a bounded number of sources, the last few distinct ports that belong to no door. */
export class SweepGuard {
  readonly #limit: number;
  readonly #capacity: number;
  /** Two generations: when the younger is full, it takes the place of the older. */
  #young = new Map<Address, Strays>();
  #old = new Map<Address, Strays>();
  /**
   * The first stray of IPv4 sources, of most of which there never is a second: its time, then its source and port. A
   * source has two places, side by side.
   */
  readonly #firsts: Float64Array;

  /** `limit`: ports that may be touched without harm; 0 turns the guard off. */
  constructor(limit: number, capacity: number) {
    this.#limit = limit;
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

  stray(source: Address, port: number, now: Micros): void {
    if (this.#limit === 0) return;
    const strays = this.#straysOf(source);
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

  /** Whether a source has touched more ports than the limit in the last `windowUs`. */
  sweeping(source: Address, now: Micros, windowUs: number): boolean {
    const strays = this.#young.get(source) ?? this.#old.get(source);
    const oldest = strays?.times[0];
    return oldest !== undefined && strays?.times.length === this.#limit + 1 && now - oldest < windowUs;
  }

  #straysOf(source: Address): Strays {
    const known = this.#young.get(source);
    if (known !== undefined) return known;
    const strays = this.#old.get(source) ?? this.#begun(source);
    if (this.#young.size >= this.#capacity / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(source, strays);
    return strays;
  }

  /** With the first stray, where it was taken alone. */
  #begun(source: Address): Strays {
    const ipv4 = ipv4Number(source);
    if (ipv4 === null) return { ports: [], times: [] };
    const place = [0, 2].map((side) => placeOf(ipv4) + side).find((place) => this.#holderAt(place) === ipv4);
    if (place === undefined) return { ports: [], times: [] };
    const port = at(this.#firsts, place + 1) - ipv4 * PORT_NUMBERS;
    return { ports: [port], times: [at(this.#firsts, place)] };
  }

  #isFree(place: number, now: Micros): boolean {
    return !(Math.abs(now - at(this.#firsts, place)) < FIRST_FOR_US);
  }

  /** The source whose first stray stands there; not a number where there is none. */
  #holderAt(place: number): number {
    return Math.floor(at(this.#firsts, place + 1) / PORT_NUMBERS);
  }
}

/** Two strays of two numbers each stand there. */
function placeOf(ipv4: number): number {
  return ((Math.imul(ipv4, GOLDEN) >>> 16) & (FIRSTS / 2 - 1)) * 4;
}
