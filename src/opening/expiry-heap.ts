/** Finds the opening that expires next: a binary heap. */

import type { Opening } from '../model.ts';

export interface Ending {
  readonly opening: Opening;
  readonly end: number;
}

export class ExpiryHeap {
  readonly #heap: Ending[] = [];

  get size(): number {
    return this.#heap.length;
  }

  first(): Ending | null {
    return this.#heap[0] ?? null;
  }

  add(ending: Ending): void {
    let place = this.#heap.push(ending) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#endAt(parent) <= ending.end) break;
      this.#swap(place, parent);
      place = parent;
    }
  }

  dropFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const child = this.#endAt(left + 1) < this.#endAt(left) ? left + 1 : left;
      if (this.#endAt(child) >= last.end) return;
      this.#swap(place, child);
      place = child;
    }
  }

  clear(): void {
    this.#heap.length = 0;
  }

  /** Past the end of the heap there is no end. */
  #endAt(place: number): number {
    return this.#heap[place]?.end ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const [left, right] = [this.#heap[one], this.#heap[other]];
    if (left === undefined || right === undefined) return;
    this.#heap[one] = right;
    this.#heap[other] = left;
  }
}
