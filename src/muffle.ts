/** Decisions that strangers can cause at will -> those that are told, and how many were not. */

import { type Decision, type Micros, US_PER_SECOND } from './model.ts';

/** Who knocks at one port or touches a trap can do so 50,000 times a second, and each line of a log costs more than that. */
const MOST_PER_SECOND = 100;

export class Muffle {
  #second = 0;
  #told = 0;
  #untold = 0;

  /** Openings, and all that has got beyond the first knock, are always told. */
  tells({ event, stage }: Decision, now: Micros): boolean {
    if (event === 'open' || stage > 1) return true;
    const second = Math.floor(now / US_PER_SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = 0;
    }
    if (this.#told < MOST_PER_SECOND) {
      this.#told++;
      return true;
    }
    this.#untold++;
    return false;
  }

  /** What is due to be told of those that were not, once their second is over; null when there are none. */
  report(now: Micros): string | null {
    if (Math.floor(now / US_PER_SECOND) === this.#second) return null;
    const untold = this.#untold;
    this.#untold = 0;
    return untold === 0 ? null : `${untold} more first knocks, their timeouts and touched traps are not told`;
  }
}
