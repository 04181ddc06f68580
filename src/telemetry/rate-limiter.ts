/** Limits the log messages that strangers can cause, and counts what it suppresses. */

import { type Decision, type Micros, US_PER_SECOND } from '../model.ts';

/** Who knocks at one port or touches a trap can do so 50,000 times a second, and each line of a log costs more than that. */
const MAX_PER_SECOND = 100;

/** Lets so many pass in each second, and counts the others. */
export class RateLimiter {
  #second = 0;
  #told = 0;
  #untold = 0;

  passes(now: Micros): boolean {
    const second = Math.floor(now / US_PER_SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = 0;
    }
    if (this.#told < MAX_PER_SECOND) {
      this.#told++;
      return true;
    }
    this.#untold++;
    return false;
  }

  /** How many did not pass and were not counted here yet, once their second is over; 0 before. */
  untold(now: Micros): number {
    if (Math.floor(now / US_PER_SECOND) === this.#second) return 0;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}

export class DecisionLimiter {
  readonly #trickle = new RateLimiter();

  /** Openings, and all that has got beyond the first knock, are always told. */
  tells({ event, stage }: Decision, now: Micros): boolean {
    return event === 'open' || stage > 1 || this.#trickle.passes(now);
  }

  /** What is due to be told of those that were not, once their second is over; null when there are none. */
  report(now: Micros): string | null {
    const untold = this.#trickle.untold(now);
    return untold === 0 ? null : `${untold} more first knocks, their timeouts and touched traps are not told`;
  }
}
