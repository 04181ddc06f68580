/** Finds the first attempt of a client at a host, in memory that is allocated once. */

import type { AddressNumbers } from '../model.ts';
import { at } from './typed.ts';

const NONE = -1;
/** Places for each client that is known at once, so that a search ends soon. */
const ROOM = 2;
/** Anyone who knew it could choose addresses that all have one place. No decision depends on it. */
const SEED = Math.floor(Math.random() * 2 ** 32);
/** Integers of a key: the host with the family, and the address. */
const KEY = 5;

/** Open addressing with linear probing (Knuth, The Art of Computer Programming, 6.4, algorithms L and R). */
export class ClientSlots {
  readonly #mask: number;
  readonly #keys: Int32Array;
  readonly #slots: Int32Array;

  /** @param capacity clients that are known at once */
  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(capacity * ROOM));
    this.#mask = places - 1;
    this.#keys = new Int32Array(places * KEY);
    this.#slots = new Int32Array(places).fill(NONE);
  }

  /** -1 for a client that is not known. */
  get(host: number, client: AddressNumbers): number {
    return at(this.#slots, this.#find(host, client));
  }

  set(host: number, client: AddressNumbers, slot: number): void {
    const place = this.#find(host, client);
    const key = place * KEY;
    this.#keys[key] = headOf(host, client);
    this.#keys[key + 1] = client.a;
    this.#keys[key + 2] = client.b;
    this.#keys[key + 3] = client.c;
    this.#keys[key + 4] = client.d;
    this.#slots[place] = slot;
  }

  /** The client is one that is known. */
  delete(host: number, client: AddressNumbers): void {
    // What stands behind it moves up, unless it would come to stand ahead of its own place.
    let free = this.#find(host, client);
    for (let next = this.#after(free); at(this.#slots, next) !== NONE; next = this.#after(next)) {
      const key = next * KEY;
      const distance = (next - this.#placeOf(key)) & this.#mask;
      if (distance < ((next - free) & this.#mask)) continue;
      this.#keys.copyWithin(free * KEY, key, key + KEY);
      this.#slots[free] = at(this.#slots, next);
      free = next;
    }
    this.#slots[free] = NONE;
  }

  /** Where a key stands, or would stand. */
  #find(host: number, client: AddressNumbers): number {
    const keys = this.#keys;
    const head = headOf(host, client);
    let place = hashOf(head, client.a, client.b, client.c, client.d) & this.#mask;
    for (; at(this.#slots, place) !== NONE; place = this.#after(place)) {
      const key = place * KEY;
      if (
        at(keys, key + 1) === client.a &&
        at(keys, key) === head &&
        at(keys, key + 4) === client.d &&
        at(keys, key + 3) === client.c &&
        at(keys, key + 2) === client.b
      )
        break;
    }
    return place;
  }

  #after(place: number): number {
    return (place + 1) & this.#mask;
  }

  #placeOf(key: number): number {
    const [keys, mask] = [this.#keys, this.#mask];
    return (
      hashOf(at(keys, key), at(keys, key + 1), at(keys, key + 2), at(keys, key + 3), at(keys, key + 4)) & mask
    );
  }
}

function headOf(host: number, { isIpv6 }: AddressNumbers): number {
  return (host << 1) | (isIpv6 ? 1 : 0);
}

/** MurmurHash3 (A. Appleby) of five words, from a beginning that nobody knows. */
function hashOf(head: number, a: number, b: number, c: number, d: number): number {
  let hash = mixed(mixed(SEED, head), a);
  if ((head & 1) === 1) hash = mixed(mixed(mixed(hash, b), c), d);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixed(hash: number, word: number): number {
  const spread = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
