/** Slots with deadlines -> the earliest: a binary heap that knows where each slot stands. */

import { at } from './typed.ts';

const ABSENT = -1;

export class Deadlines {
  readonly #heap: Int32Array;
  readonly #placeOf: Int32Array;
  readonly #deadlineOf: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#heap = new Int32Array(capacity);
    this.#placeOf = new Int32Array(capacity).fill(ABSENT);
    this.#deadlineOf = new Float64Array(capacity);
  }

  /** The slot with the earliest deadline; null when there is none. */
  first(): { readonly slot: number; readonly deadline: number } | null {
    if (this.#size === 0) return null;
    const slot = at(this.#heap, 0);
    return { slot, deadline: at(this.#deadlineOf, slot) };
  }

  /** The deadline of a slot that has one. */
  of(slot: number): number {
    return at(this.#deadlineOf, slot);
  }

  /** A slot whose deadline has come by now; null when there is none. */
  due(now: number): number | null {
    const first = this.first();
    return first !== null && first.deadline <= now ? first.slot : null;
  }

  /** Gives a slot a deadline, or another one. */
  set(slot: number, deadline: number): void {
    let place = at(this.#placeOf, slot);
    if (place === ABSENT) place = this.#size++;
    this.#deadlineOf[slot] = deadline;
    this.#put(place, slot);
    this.#down(this.#up(place));
  }

  delete(slot: number): void {
    const place = at(this.#placeOf, slot);
    if (place === ABSENT) return;
    this.#placeOf[slot] = ABSENT;
    const last = at(this.#heap, --this.#size);
    if (last === slot) return;
    this.#put(place, last);
    this.#down(this.#up(place));
  }

  #up(start: number): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#earlier(place, parent)) break;
      this.#swap(place, parent);
      place = parent;
    }
    return place;
  }

  #down(start: number): void {
    let place = start;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#size) return;
      const right = left + 1;
      const child = right < this.#size && this.#earlier(right, left) ? right : left;
      if (!this.#earlier(child, place)) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #earlier(a: number, b: number): boolean {
    return at(this.#deadlineOf, at(this.#heap, a)) < at(this.#deadlineOf, at(this.#heap, b));
  }

  #swap(a: number, b: number): void {
    const slot = at(this.#heap, a);
    this.#put(a, at(this.#heap, b));
    this.#put(b, slot);
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot;
    this.#placeOf[slot] = place;
  }
}
