/** Tracks how far each running attempt has got in its sequence, and when it began. */

import { MAX_STEPS } from './table.ts';
import { at } from './typed.ts';

/**
 * One slot holds all beginnings of one client at one sequence, since each packet that fits the first step may be the
 * start of its knock. Bit i of `reached` is set when some beginning has taken i+1 steps. Of two beginnings at the same
 * step the later start counts, because the later one can do all that the earlier can, for longer. So there are at most
 * as many beginnings as steps, and a packet costs the same however long the history (shift-and: Baeza-Yates and
 * Gonnet, "A new approach to text searching", CACM 1992).
 *
 * A beginning that has got further always started earlier and accepts all that a shorter one accepts. So a packet that
 * ends the longest ends every other, too.
 *
 * Arrays are indexed by step first and slot second, and made when a step is first reached: a flood of first knocks
 * allocates the first one only.
 */
export class Progress {
  readonly #capacity: number;
  readonly #reached: Int32Array;
  readonly #starts: Float64Array[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#reached = new Int32Array(capacity);
  }

  clear(slot: number): void {
    this.#reached[slot] = 0;
  }

  /** Steps taken by the beginning that has got furthest. */
  stage(slot: number): number {
    return stageOf(at(this.#reached, slot));
  }

  /** When the beginning that has got furthest began. */
  start(slot: number): number {
    return at(this.#startsAt(this.stage(slot) - 1), slot);
  }

  /**
   * Takes in a packet that fits the steps in `steps` (bit i: step i), one bit or none for most.
   *
   * @param repeats whether a packet that fits a step already taken leaves a beginning as it is, and may be another first
   *   knock; otherwise it ends the beginning, and only an empty slot takes a first knock
   */
  take(slot: number, steps: number, repeats: boolean, now: number): void {
    const before = at(this.#reached, slot);
    const advanced = (before << 1) & steps;
    const first = repeats || before === 0 ? steps & 1 : 0;
    const lowest = steps & -steps;
    // A beginning at bit i has taken the steps 0 to i, so the packet repeats one where its lowest bit is among them. One
    // that has just taken another step may be kept at the old one, too: it has the same start, and changes nothing.
    const kept = repeats ? before & ~(lowest - 1) : 0;
    for (let step = stageOf(advanced) - 1; step > 0; step--) {
      if ((advanced & (1 << step)) === 0) continue;
      this.#startsAt(step)[slot] = at(this.#startsAt(step - 1), slot);
    }
    if (first !== 0) this.#startsAt(0)[slot] = now;
    this.#reached[slot] = advanced | kept | first;
  }

  /** Drops the beginnings that began `window` or longer before `now`. */
  expire(slot: number, now: number, window: number): void {
    let left = at(this.#reached, slot);
    for (let step = stageOf(left) - 1; step >= 0; step--) {
      if ((left & (1 << step)) !== 0 && now - at(this.#startsAt(step), slot) >= window) left &= ~(1 << step);
    }
    this.#reached[slot] = left;
  }

  #startsAt(step: number): Float64Array {
    let starts = this.#starts[step];
    if (starts === undefined) {
      starts = new Float64Array(this.#capacity);
      this.#starts[step] = starts;
    }
    return starts;
  }
}

/** Steps taken by the furthest of the beginnings in `reached`; 0 when there is none. */
function stageOf(reached: number): number {
  return MAX_STEPS - Math.clz32(reached);
}
