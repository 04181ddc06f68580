/** Counts moments in as many intervals as a chart has room for. */

import { type Micros, US_PER_SECOND } from '../../model.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Each a multiple of the one before, so that two of one make whole ones of the next; beyond the last they double. */
const STEPS_S = [
  1,
  5,
  15,
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  7 * DAY,
  28 * DAY,
];
const MOST_STRETCHES = 120;

export interface Stretch {
  readonly from: Micros;
  readonly packets: number;
}

export interface Stretches {
  readonly stepSeconds: number;
  /** Without a gap, from the first moment to the last. */
  readonly stretches: readonly Stretch[];
}

/** Begins with seconds, and takes longer stretches as the time it covers grows. */
export class Timeline {
  #level = 0;
  #stepUs: Micros = US_PER_SECOND;
  /** By number of stretch since the epoch. */
  #counts = new Map<number, number>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(time: Micros): void {
    const number = Math.floor(time / this.#stepUs);
    this.#counts.set(number, (this.#counts.get(number) ?? 0) + 1);
    if (number >= this.#first && number <= this.#last) return;
    this.#first = Math.min(this.#first, number);
    this.#last = Math.max(this.#last, number);
    while (this.#last - this.#first >= MOST_STRETCHES) this.#widen();
  }

  read(): Stretches {
    const length = this.#counts.size === 0 ? 0 : this.#last - this.#first + 1;
    const stretches = Array.from({ length }, (_, index) => ({
      from: (this.#first + index) * this.#stepUs,
      packets: this.#counts.get(this.#first + index) ?? 0,
    }));
    return { stepSeconds: this.#stepUs / US_PER_SECOND, stretches };
  }

  #widen(): void {
    this.#level++;
    const stepS = STEPS_S[this.#level];
    const stepUs = stepS === undefined ? this.#stepUs * 2 : stepS * US_PER_SECOND;
    const wider = (number: number): number => Math.floor((number * this.#stepUs) / stepUs);
    const counts = new Map<number, number>();
    for (const [number, count] of this.#counts) {
      counts.set(wider(number), (counts.get(wider(number)) ?? 0) + count);
    }
    this.#counts = counts;
    this.#first = wider(this.#first);
    this.#last = wider(this.#last);
    this.#stepUs = stepUs;
  }
}
