/** Calls a function at the times of a cron expression, in local time. */

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
