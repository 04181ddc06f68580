/** Finds the first attempt of a source at a host, in memory that is allocated once. */

import type { AddressNumbers } from '../model.ts';
import { hashOf } from './hash.ts';
import { at } from './typed.ts';

/** Of a place that is free: memory that nothing was written to costs nothing. */
const FREE = 0;
/** Places for each source that is known at once, so that a search ends soon. */
const ROOM = 2;
/** Of the counters that tell most strangers apart: they stay in the cache nearest to the processor. */
const COUNTERS = 4_096;
/** Integers of a key: the host with the family, and the first half of the address. */
const KEY = 3;

/**
 * A source is an IPv4 address or an IPv6 network of 64 bits. Open addressing with linear probing (Knuth, The Art of Computer
 * Programming, 6.4, algorithms L and R).
 */
export class SourceSlots {
  readonly #mask: number;
  readonly #keys: Int32Array;
  /** The slot of the key at a place, and 1. */
  readonly #slots: Int32Array;

  /** How many sources there are by the last bits of their hashes. */
  readonly #counts = new Int32Array(COUNTERS);

  /** @param capacity sources that are known at once */
  constructor(capacity: number) {
    const places = 2 ** Math.ceil(Math.log2(capacity * ROOM));
    this.#mask = places - 1;
    this.#keys = new Int32Array(places * KEY);
    this.#slots = new Int32Array(places);
  }

  /** -1 for a source that is not known. */
  get(host: number, client: AddressNumbers): number {
    const head = headOf(host, client);
    const hash = hashOf(head, client.a, client.b);
    if (at(this.#counts, hash & (COUNTERS - 1)) === 0) return -1;
    return this.slotAt(this.#find(head, client, hash));
  }

  set(host: number, client: AddressNumbers, slot: number): void {
    this.setAt(this.placeOf(host, client), host, client, slot);
  }

  /** The source is one that is known. */
  delete(host: number, client: AddressNumbers): void {
    this.deleteAt(this.placeOf(host, client));
  }

  /** Where a source stands, or would stand, until another one is added or deleted. */
  placeOf(host: number, client: AddressNumbers): number {
    const head = headOf(host, client);
    return this.#find(head, client, hashOf(head, client.a, client.b));
  }

  slotAt(place: number): number {
    return at(this.#slots, place) - 1;
  }

  setAt(place: number, host: number, client: AddressNumbers, slot: number): void {
    const key = place * KEY;
    if (at(this.#slots, place) === FREE) {
      this.#keys[key] = headOf(host, client);
      this.#keys[key + 1] = client.a;
      this.#keys[key + 2] = client.b;
      this.#count(this.#hashAt(place), 1);
    }
    this.#slots[place] = slot + 1;
  }

  deleteAt(place: number): void {
    this.#count(this.#hashAt(place), -1);
    let free = place;
    // What stands behind it moves up, unless it would come to stand ahead of its own place.
    for (let next = this.#after(free); at(this.#slots, next) !== FREE; next = this.#after(next)) {
      const distance = (next - this.#hashAt(next)) & this.#mask;
      if (distance < ((next - free) & this.#mask)) continue;
      this.#keys.copyWithin(free * KEY, next * KEY, next * KEY + KEY);
      this.#slots[free] = at(this.#slots, next);
      free = next;
    }
    this.#slots[free] = FREE;
  }

  #hashAt(place: number): number {
    const key = place * KEY;
    return hashOf(at(this.#keys, key), at(this.#keys, key + 1), at(this.#keys, key + 2));
  }

  /** Where a key stands, or would stand. */
  #find(head: number, client: AddressNumbers, hash: number): number {
    const keys = this.#keys;
    let place = hash & this.#mask;
    for (; at(this.#slots, place) !== FREE; place = this.#after(place)) {
      const key = place * KEY;
      if (at(keys, key + 1) === client.a && at(keys, key) === head && at(keys, key + 2) === client.b) break;
    }
    return place;
  }

  #count(hash: number, change: number): void {
    const counter = hash & (COUNTERS - 1);
    this.#counts[counter] = at(this.#counts, counter) + change;
  }

  #after(place: number): number {
    return (place + 1) & this.#mask;
  }
}

/** The host and the family of an address as one integer. Hosts are numbered below 2^30. */
export function headOf(host: number, { isIpv6 }: AddressNumbers): number {
  return (host << 1) | (isIpv6 ? 1 : 0);
}
