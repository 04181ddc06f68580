/** Packets to ports of no door -> since when a source has been sweeping. */

import { type Address, type Micros, US_PER_SECOND } from '../model.ts';
import { at } from './typed.ts';

interface Strays {
  /** Distinct ports, the one touched longest ago first; never more than the guard needs to know. */
  readonly ports: number[];
  readonly times: Micros[];
}

/** First strays that are remembered: a power of two, so that a hash can be cut to it. */
const FIRSTS = 0x1_0000;
/** Knuth's multiplier for hashes (The Art of Computer Programming, 6.4): 2^32 by the golden ratio. */
const GOLDEN = 0x9e3779b1;
/** How long a first stray keeps its place. */
const FIRST_FOR_US = 10 * US_PER_SECOND;
const NO_PORT = -1;

/** Remembers, for a bounded number of sources, the last few distinct ports that belong to no door. */
export class SweepGuard {
  readonly #limit: number;
  readonly #capacity: number;
  /** Two generations: when the younger is full, it takes the place of the older. */
  #young = new Map<Address, Strays>();
  #old = new Map<Address, Strays>();
  /** The first stray of IPv4 sources, of most of which there never is a second. */
  readonly #firstSources: Int32Array;
  readonly #firstPorts: Int32Array;
  readonly #firstTimes: Float64Array;

  /** `limit`: ports that may be touched without harm; 0 turns the guard off. */
  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#capacity = capacity;
    const firsts = limit === 0 ? 0 : FIRSTS;
    this.#firstSources = new Int32Array(firsts);
    this.#firstPorts = new Int32Array(firsts).fill(NO_PORT);
    this.#firstTimes = new Float64Array(firsts);
  }

  /** Takes a stray that is the only one known of its source. False, and nothing taken, when it may not be. */
  only(ipv4: number, port: number, now: Micros): boolean {
    if (this.#limit === 0) return true;
    const place = placeOf(ipv4);
    const isTaken = at(this.#firstPorts, place) !== NO_PORT;
    const isFresh = Math.abs(now - at(this.#firstTimes, place)) < FIRST_FOR_US;
    // Two sources with one place must not make each other forgotten.
    if (isTaken && (isFresh || at(this.#firstSources, place) === ipv4)) return false;
    this.#firstSources[place] = ipv4;
    this.#firstPorts[place] = port;
    this.#firstTimes[place] = now;
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
    const ipv4 = numberOf(source);
    const place = placeOf(ipv4);
    const port =
      source.includes(':') || at(this.#firstSources, place) !== ipv4 ? NO_PORT : at(this.#firstPorts, place);
    return port === NO_PORT
      ? { ports: [], times: [] }
      : { ports: [port], times: [at(this.#firstTimes, place)] };
  }
}

function placeOf(ipv4: number): number {
  return (Math.imul(ipv4, GOLDEN) >>> 16) & (FIRSTS - 1);
}

/** An IPv4 address as a signed number of 32 bits; of an IPv6 address it makes no sense. */
function numberOf(address: Address): number {
  return address.split('.').reduce((number, octet) => (number << 8) | Number(octet), 0);
}
