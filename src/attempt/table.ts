/** Holds the attempts, by host, client and door, in a bounded table that evicts the attempt with the least progress. */

import { addressOf } from '../lib/address.ts';
import type { Address, AddressNumbers } from '../model.ts';
import { Chains } from './chains.ts';
import type { Track } from './door-matcher.ts';
import { SourceSlots } from './source-slots.ts';
import { at } from './typed.ts';

/** Attempts that are remembered at once, over all sources and doors. */
export const DEFAULT_CAPACITY = 65_536;
export const NO_SLOT = -1;
/** Of an address. */
const WORDS = 4;
/** Attempts that clients of one IPv6 network may have in flight at a host. */
const NETWORK_ATTEMPTS = 256;
/** knockd's limit too: bit 31 is the last step of the longest sequence. */
export const MAX_STEPS = 32;

/**
 * Slots are small numbers, so that all else that is known of an attempt can stand in typed arrays.
 *
 * When the table is full, the attempt that goes is the oldest of those that have taken the fewest steps:
 * a flood of first knocks displaces other first knocks, never an attempt that has got further.
 */
export class AttemptTable {
  /** Of a source: that of an IPv6 client is its network, whose attempts hang together. */
  readonly #firstOf: SourceSlots;
  /** Clients as numbers, since text would be memory of its own for each. */
  readonly #words: Int32Array;
  readonly #isIpv6: Uint8Array;
  readonly #capacity: number;
  /** Up to the highest slot that was ever taken; null for one that is free. */
  readonly #tracks: (Track | null)[] = [];
  readonly #hostOf: Int32Array;
  /** As the packet names them that began the attempt. */
  readonly #hostNames: string[] = [];
  readonly #stageOf: Int32Array;
  /** The number of the claim that each slot was taken by. */
  readonly #claims: Float64Array;
  #claimed = 0;
  readonly #siblings: Int32Array;
  /** Those that were taken before. */
  readonly #free: Int32Array;
  #freeCount = 0;
  /** One queue a stage, oldest first. */
  readonly #queues: Chains;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#firstOf = new SourceSlots(capacity);
    this.#words = new Int32Array(capacity * WORDS);
    this.#isIpv6 = new Uint8Array(capacity);
    this.#hostOf = new Int32Array(capacity);
    this.#stageOf = new Int32Array(capacity);
    this.#claims = new Float64Array(capacity);
    this.#siblings = new Int32Array(capacity);
    this.#free = new Int32Array(capacity);
    this.#queues = new Chains(MAX_STEPS + 1, capacity);
  }

  get size(): number {
    return this.#tracks.length - this.#freeCount;
  }

  /** The first slot of a client at a host, in the order of their tracks; NO_SLOT where it has none. */
  first(host: number, client: AddressNumbers): number {
    return this.#nextOf(this.#firstOf.get(host, client), client);
  }

  /** The one after a slot. To be asked before that one is released. */
  next(slot: number, client: AddressNumbers): number {
    return this.#nextOf(at(this.#siblings, slot), client);
  }

  /** That of any client that is the same source to the sweep guard. */
  firstOfSource(host: number, client: AddressNumbers): number {
    return this.#firstOf.get(host, client);
  }

  nextOfSource(slot: number): number {
    return at(this.#siblings, slot);
  }

  #nextOf(first: number, client: AddressNumbers): number {
    let slot = first;
    while (slot !== NO_SLOT && !this.#isOf(slot, client)) slot = at(this.#siblings, slot);
    return slot;
  }

  has(host: number, client: AddressNumbers): boolean {
    return this.first(host, client) !== NO_SLOT;
  }

  hasSource(host: number, client: AddressNumbers): boolean {
    return this.size > 0 && this.firstOfSource(host, client) !== NO_SLOT;
  }

  /** All slots in use. */
  slots(): number[] {
    return this.#tracks.flatMap((track, slot) => (track === null ? [] : [slot]));
  }

  source(slot: number): Address {
    return addressOf(this.#client(slot));
  }

  /** The number of the host at which the attempt is made. */
  host(slot: number): number {
    return at(this.#hostOf, slot);
  }

  /** The name of the host at which the attempt is made; empty where no line names it. */
  hostName(slot: number): string {
    return this.#hostNames[slot] ?? '';
  }

  track(slot: number): Track {
    return taken(this.#tracks[slot], slot);
  }

  /** The slot that has to be given up for the next claim of a client; NO_SLOT while there is room. */
  victim(host: number, client: AddressNumbers): number {
    if (this.size === this.#capacity) return this.#queues.firstOfLowest();
    return client.isIpv6 ? this.#victimOf(host, client) : NO_SLOT;
  }

  /** A network is to cost little more than an address, however many of those it has. */
  #victimOf(host: number, client: AddressNumbers): number {
    let [count, victim] = [0, NO_SLOT];
    for (let slot = this.#firstOf.get(host, client); slot !== NO_SLOT; slot = at(this.#siblings, slot)) {
      count++;
      if (victim === NO_SLOT || this.#isLess(slot, victim)) victim = slot;
    }
    return count < NETWORK_ATTEMPTS ? NO_SLOT : victim;
  }

  /** Whether an attempt has got less far than another, or no further and began earlier. */
  #isLess(slot: number, other: number): boolean {
    const difference = at(this.#stageOf, slot) - at(this.#stageOf, other);
    return difference < 0 || (difference === 0 && at(this.#claims, slot) < at(this.#claims, other));
  }

  /** Takes a free slot for a client of a host and a track that have none. The caller has made room. */
  claim(host: number, client: AddressNumbers, hostName: string, track: Track): number {
    const slot = this.#freeCount > 0 ? at(this.#free, --this.#freeCount) : this.#tracks.length;
    this.#isIpv6[slot] = client.isIpv6 ? 1 : 0;
    this.#words[slot * WORDS] = client.a;
    this.#words[slot * WORDS + 1] = client.b;
    this.#words[slot * WORDS + 2] = client.c;
    this.#words[slot * WORDS + 3] = client.d;
    this.#hostOf[slot] = host;
    this.#hostNames[slot] = hostName;
    this.#tracks[slot] = track;
    this.#stageOf[slot] = 0;
    this.#claims[slot] = this.#claimed++;
    this.#queues.append(0, slot);
    this.#join(host, client, slot, track);
    return slot;
  }

  release(slot: number): void {
    this.#leave(at(this.#hostOf, slot), this.#client(slot), slot);
    this.#queues.remove(at(this.#stageOf, slot), slot);
    this.#tracks[slot] = null;
    this.#free[this.#freeCount++] = slot;
  }

  /** Says how many steps the attempt has taken, which decides how long it is spared. */
  setStage(slot: number, stage: number): void {
    const before = at(this.#stageOf, slot);
    if (stage === before) return;
    this.#queues.remove(before, slot);
    this.#queues.append(stage, slot);
    this.#stageOf[slot] = stage;
  }

  #isOf(slot: number, { isIpv6, c, d }: AddressNumbers): boolean {
    return !isIpv6 || (at(this.#words, slot * WORDS + 2) === c && at(this.#words, slot * WORDS + 3) === d);
  }

  #client(slot: number): AddressNumbers {
    const [words, first] = [this.#words, slot * WORDS];
    return {
      isIpv6: this.#isIpv6[slot] === 1,
      a: at(words, first),
      b: at(words, first + 1),
      c: at(words, first + 2),
      d: at(words, first + 3),
    };
  }

  #join(host: number, client: AddressNumbers, slot: number, track: Track): void {
    const place = this.#firstOf.placeOf(host, client);
    let before = NO_SLOT;
    let after = this.#firstOf.slotAt(place);
    while (after !== NO_SLOT && this.track(after).order < track.order) {
      before = after;
      after = at(this.#siblings, after);
    }
    this.#siblings[slot] = after;
    if (before === NO_SLOT) this.#firstOf.setAt(place, host, client, slot);
    else this.#siblings[before] = slot;
  }

  #leave(host: number, client: AddressNumbers, slot: number): void {
    const place = this.#firstOf.placeOf(host, client);
    const after = at(this.#siblings, slot);
    let before = NO_SLOT;
    for (let other = this.#firstOf.slotAt(place); other !== slot; other = at(this.#siblings, other)) {
      before = other;
    }
    if (before !== NO_SLOT) this.#siblings[before] = after;
    else if (after !== NO_SLOT) this.#firstOf.setAt(place, host, client, after);
    else this.#firstOf.deleteAt(place);
  }
}

function taken<T>(value: T | null | undefined, slot: number): T {
  if (value === null || value === undefined) throw new RangeError(`slot ${slot} is free`);
  return value;
}
