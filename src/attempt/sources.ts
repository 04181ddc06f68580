/** Source -> the first of its attempts: of IPv4 in memory that is taken once, whoever floods it. */

import { ipv4Number } from '../address.ts';
import type { Address } from '../model.ts';
import { at } from './typed.ts';

const NONE = -1;
/** Places for each source that is known at once, so that a search ends soon. */
const ROOM = 2;
/**
 * Whoever knew it could choose sources that all have one place. Nothing that is told depends on it.
 */
const SEED = Math.floor(Math.random() * 2 ** 32);

/** Open addressing with linear probing (Knuth, The Art of Computer Programming, 6.4, algorithms L and R). */
export class Sources {
  readonly #mask: number;
  readonly #keys: Int32Array;
  readonly #slots: Int32Array;
  readonly #ipv6 = new Map<Address, number>();

  /** @param capacity sources that are known at once */
  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(capacity * ROOM));
    this.#mask = places - 1;
    this.#keys = new Int32Array(places);
    this.#slots = new Int32Array(places).fill(NONE);
  }

  /** -1 for a source that is not known. */
  get(source: Address): number {
    const key = ipv4Number(source);
    return key === null ? (this.#ipv6.get(source) ?? NONE) : at(this.#slots, this.#find(key));
  }

  set(source: Address, slot: number): void {
    const key = ipv4Number(source);
    if (key === null) {
      this.#ipv6.set(source, slot);
      return;
    }
    const place = this.#find(key);
    this.#keys[place] = key;
    this.#slots[place] = slot;
  }

  /** The source is one that is known. */
  delete(source: Address): void {
    const key = ipv4Number(source);
    if (key === null) {
      this.#ipv6.delete(source);
      return;
    }
    // What stands behind it moves up, unless it would come to stand ahead of its own place.
    let free = this.#find(key);
    for (let next = this.#after(free); at(this.#slots, next) !== NONE; next = this.#after(next)) {
      const distance = (next - this.#placeOf(at(this.#keys, next))) & this.#mask;
      if (distance < ((next - free) & this.#mask)) continue;
      this.#keys[free] = at(this.#keys, next);
      this.#slots[free] = at(this.#slots, next);
      free = next;
    }
    this.#slots[free] = NONE;
  }

  /** Where a key stands, or would stand. */
  #find(key: number): number {
    let place = this.#placeOf(key);
    while (at(this.#slots, place) !== NONE && at(this.#keys, place) !== key) place = this.#after(place);
    return place;
  }

  #after(place: number): number {
    return (place + 1) & this.#mask;
  }

  /** The finalizer of MurmurHash3 (A. Appleby), from a beginning that nobody knows. */
  #placeOf(key: number): number {
    let hash = key ^ SEED;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }
}
