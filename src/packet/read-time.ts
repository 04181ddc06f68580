/** Tells up to when a log has been read, where more of it may be on its way. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** A line that is older than this when it is read comes from a source that is behind. journald is 250 ms late by design. */
const BEHIND_US = 1.5 * US_PER_SECOND;
/** A source that was behind has caught up once it has been silent for so long. */
const SILENT_US = 10 * US_PER_SECOND;
/** How long lines may be on their way from a source that is not behind. */
const ON_THE_WAY_US = 3 * US_PER_SECOND;

/**
 * An empty pipe does not say that nothing is on its way: the program that writes to it may have a backlog, or may have
 * been stopped. So time passes as far as the lines that came, until the source has been silent long enough.
 */
export class ReadTime {
  /** The last line: when it was read, and how old it was then. */
  #readAt = Number.NEGATIVE_INFINITY;
  #ageUs = 0;

  /** @param time when the last line of a batch was written; null where that is not known */
  read(time: Micros | null, readAt: Micros): void {
    this.#readAt = readAt;
    this.#ageUs = time === null ? 0 : readAt - time;
  }

  /** Up to when all lines have been handed on, where the source had no more at this moment. */
  passedAt(at: Micros): Micros {
    const isBehind = this.#ageUs > BEHIND_US && at - this.#readAt < SILENT_US;
    return isBehind ? Math.min(at, this.#readAt - this.#ageUs) : at - ON_THE_WAY_US;
  }
}
