/** A moment of a clock -> one call when it has come, however far off it is. */

import { type Micros, US_PER_MS } from '../model.ts';

/** The clock may be set, and timers stand still while the machine sleeps: so often it is looked at anew. */
const LONGEST_WAIT_MS = 1_000;

/** Holds one moment at a time. It may ring early, so whoever is rung has to look what is due, and set it anew. */
export class Alarm {
  readonly #now: () => Micros;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => Micros, ring: () => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Rings at this moment instead of any other; null for never. */
  set(moment: Micros | null): void {
    clearTimeout(this.#timer);
    if (moment === null) return;
    const waitMs = Math.ceil((moment - this.#now()) / US_PER_MS);
    this.#timer = setTimeout(this.#ring, Math.min(Math.max(waitMs, 0), LONGEST_WAIT_MS));
  }
}
