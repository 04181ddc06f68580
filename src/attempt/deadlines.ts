/** Finds the attempt that ends next, at one host or at all: a binary heap for each host. */

import { at } from './typed.ts';

/** Of a slot without a deadline. */
const ABSENT = 0;

export class Deadlines {
  /** Of hosts that have any. */
  readonly #heaps = new Map<number, number[]>();
  readonly #hostOf: Int32Array;
  /** The place of a slot in its heap, and 1. */
  readonly #placeOf: Int32Array;
  readonly #deadlineOf: Float64Array;

  constructor(capacity: number) {
    this.#hostOf = new Int32Array(capacity);
    this.#placeOf = new Int32Array(capacity);
    this.#deadlineOf = new Float64Array(capacity);
  }

  /** The slot with the earliest deadline; null when there is none. */
  first(): { readonly slot: number; readonly deadline: number } | null {
    const slot = this.#firstOf(null);
    return slot === undefined ? null : { slot, deadline: this.of(slot) };
  }

  /** The deadline of a slot that has one. */
  of(slot: number): number {
    return at(this.#deadlineOf, slot);
  }

  /** A slot whose deadline has come by now, of all hosts or of one; null when there is none. */
  due(now: number, host: number | null = null): number | null {
    const slot = this.#firstOf(host);
    return slot !== undefined && this.of(slot) <= now ? slot : null;
  }

  #firstOf(host: number | null): number | undefined {
    if (host !== null) return this.#heaps.get(host)?.[0];
    let slot: number | undefined;
    for (const [first] of this.#heaps.values()) {
      if (first !== undefined && (slot === undefined || this.of(first) < this.of(slot))) slot = first;
    }
    return slot;
  }

  /** Gives a slot a deadline, or another one. The host of a slot that has one does not change. */
  set(slot: number, host: number, deadline: number): void {
    this.#deadlineOf[slot] = deadline;
    const heap = this.#heaps.get(host) ?? [];
    let place = at(this.#placeOf, slot) - 1;
    if (place < 0) {
      place = heap.length;
      this.#hostOf[slot] = host;
      if (place === 0) this.#heaps.set(host, heap);
    }
    this.#put(heap, place, slot);
    this.#down(heap, this.#up(heap, place));
  }

  delete(slot: number): void {
    const place = at(this.#placeOf, slot) - 1;
    if (place < 0) return;
    this.#placeOf[slot] = ABSENT;
    const host = at(this.#hostOf, slot);
    const heap = this.#heaps.get(host) ?? [];
    const last = heap.pop();
    if (heap.length === 0) this.#heaps.delete(host);
    if (last === undefined || last === slot) return;
    this.#put(heap, place, last);
    this.#down(heap, this.#up(heap, place));
  }

  #up(heap: number[], start: number): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isEarlier(heap, place, parent)) break;
      this.#swap(heap, place, parent);
      place = parent;
    }
    return place;
  }

  #down(heap: number[], start: number): void {
    let place = start;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && this.#isEarlier(heap, right, left) ? right : left;
      if (!this.#isEarlier(heap, child, place)) return;
      this.#swap(heap, place, child);
      place = child;
    }
  }

  #isEarlier(heap: readonly number[], a: number, b: number): boolean {
    return at(this.#deadlineOf, heap[a] as number) < at(this.#deadlineOf, heap[b] as number);
  }

  #swap(heap: number[], a: number, b: number): void {
    const slot = heap[a] as number;
    this.#put(heap, a, heap[b] as number);
    this.#put(heap, b, slot);
  }

  #put(heap: number[], place: number, slot: number): void {
    heap[place] = slot;
    this.#placeOf[slot] = place + 1;
  }
}
