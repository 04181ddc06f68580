/** Calls back when a deadline has come, by any clock and however far away. */

import { type Micros, US_PER_MS } from '../model.ts';

/** Clocks can be set, and timers stop while the machine sleeps, so the clock is read at least this often. */
const WAIT_MS_MAX = 1_000;

/** Holds one deadline at a time. It may ring early: look up what is due, then set the next deadline. */
export class DeadlineTimer {
  readonly #now: () => Micros;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => Micros, ring: () => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Replaces the deadline; null for none. */
  set(deadline: Micros | null): void {
    clearTimeout(this.#timer);
    if (deadline === null) return;
    const waitMs = Math.ceil((deadline - this.#now()) / US_PER_MS);
    this.#timer = setTimeout(this.#ring, Math.min(Math.max(waitMs, 0), WAIT_MS_MAX));
  }
}
