/** Links slots into queues, doubly, so that a slot can leave any queue at once. */

import { at } from './typed.ts';

const NONE = -1;

export class Chains {
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #before: Int32Array;
  readonly #after: Int32Array;

  constructor(queues: number, capacity: number) {
    this.#first = new Int32Array(queues).fill(NONE);
    this.#last = new Int32Array(queues).fill(NONE);
    this.#before = new Int32Array(capacity);
    this.#after = new Int32Array(capacity);
  }

  append(queue: number, slot: number): void {
    const last = at(this.#last, queue);
    this.#before[slot] = last;
    this.#after[slot] = NONE;
    if (last === NONE) this.#first[queue] = slot;
    else this.#after[last] = slot;
    this.#last[queue] = slot;
  }

  remove(queue: number, slot: number): void {
    const before = at(this.#before, slot);
    const after = at(this.#after, slot);
    if (before === NONE) this.#first[queue] = after;
    else this.#after[before] = after;
    if (after === NONE) this.#last[queue] = before;
    else this.#before[after] = before;
  }

  /** The oldest slot of the lowest queue that has any; -1 when all are empty. */
  firstOfLowest(): number {
    for (const slot of this.#first) if (slot !== NONE) return slot;
    return NONE;
  }
}
