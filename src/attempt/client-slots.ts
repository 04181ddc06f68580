/** Finds the first attempt of a client at a host, in memory that is allocated once for IPv4. */

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
  readonly #hosts: Int32Array;
  readonly #slots: Int32Array;
  readonly #ipv6 = new Map<string, number>();

  /** @param capacity sources that are known at once */
  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(capacity * ROOM));
    this.#mask = places - 1;
    this.#keys = new Int32Array(places);
    this.#hosts = new Int32Array(places);
    this.#slots = new Int32Array(places).fill(NONE);
  }

  /** -1 for a source that is not known. */
  get(host: number, source: Address): number {
    const key = ipv4Number(source);
    return key === null
      ? (this.#ipv6.get(textKey(host, source)) ?? NONE)
      : at(this.#slots, this.#find(host, key));
  }

  set(host: number, source: Address, slot: number): void {
    const key = ipv4Number(source);
    if (key === null) {
      this.#ipv6.set(textKey(host, source), slot);
      return;
    }
    const place = this.#find(host, key);
    this.#keys[place] = key;
    this.#hosts[place] = host;
    this.#slots[place] = slot;
  }

  /** The source is one that is known. */
  delete(host: number, source: Address): void {
    const key = ipv4Number(source);
    if (key === null) {
      this.#ipv6.delete(textKey(host, source));
      return;
    }
    // What stands behind it moves up, unless it would come to stand ahead of its own place.
    let free = this.#find(host, key);
    for (let next = this.#after(free); at(this.#slots, next) !== NONE; next = this.#after(next)) {
      const home = this.#placeOf(at(this.#hosts, next), at(this.#keys, next));
      const distance = (next - home) & this.#mask;
      if (distance < ((next - free) & this.#mask)) continue;
      this.#keys[free] = at(this.#keys, next);
      this.#hosts[free] = at(this.#hosts, next);
      this.#slots[free] = at(this.#slots, next);
      free = next;
    }
    this.#slots[free] = NONE;
  }

  /** Where a key stands, or would stand. */
  #find(host: number, key: number): number {
    let place = this.#placeOf(host, key);
    while (
      at(this.#slots, place) !== NONE &&
      (at(this.#keys, place) !== key || at(this.#hosts, place) !== host)
    ) {
      place = this.#after(place);
    }
    return place;
  }

  #after(place: number): number {
    return (place + 1) & this.#mask;
  }

  /** The finalizer of MurmurHash3 (A. Appleby), from a beginning that nobody knows. */
  #placeOf(host: number, key: number): number {
    let hash = key ^ SEED ^ Math.imul(host, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }
}

/** An address holds no space. */
function textKey(host: number, source: Address): string {
  return host === 0 ? source : `${host} ${source}`;
}
