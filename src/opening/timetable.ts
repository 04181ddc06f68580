/** A cron expression -> a call at each of its moments, by the local time of the machine. */

import { Cron } from 'croner';

/** Follows one expression at a time. A moment that summer time leaves out or repeats comes once. */
export class Timetable {
  readonly #ring: () => void;
  #job: Cron | null = null;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Follows this expression instead of any other; null for none. */
  set(expression: string | null): void {
    this.#job?.stop();
    this.#job = expression === null ? null : new Cron(expression, this.#ring);
  }
}
