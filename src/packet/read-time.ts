/** Tells up to when a log has been read, where more of it may be on its way. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** A line that is older than this when it comes is late. journald is 250 ms late by design, and stamps are whole seconds at the worst. */
const LATE_US = 1.5 * US_PER_SECOND;
/** A source that was behind has caught up once it has been silent for so long. No log is taken to be later than this. */
const SILENT_US = 10 * US_PER_SECOND;
/** How long lines may be on their way from a source that is not behind. */
const ON_THE_WAY_US = 3 * US_PER_SECOND;
/** How long it is remembered how late lines were. */
const REMEMBERED_US = 60 * US_PER_SECOND;
/** Time is held back for no longer than this. */
const HELD_US = 60 * US_PER_SECOND;

/**
 * An empty pipe does not say that nothing is on its way: the program that writes to it may have a backlog, or may have
 * been stopped. So time passes as far as the lines that came, until the source has been silent long enough.
 *
 * Nor does the end of a file, where a relay writes to it late. A line that was not there when the log was last read to
 * its end, though it is older than that moment, shows how late lines of this log can be.
 */
export class ReadTime {
  /** The last line: when it was read, and how old it was then. */
  #readAt = Number.NEGATIVE_INFINITY;
  #ageUs = 0;
  /** When the log was read to its end; null where lines have come since, or none ever has. */
  #emptyAt: Micros | null = null;
  #hasRead = false;
  /** How late lines were, in this minute and in the one before. */
  #lateUs = 0;
  #formerLateUs = 0;
  #turnedAt: Micros = Number.NEGATIVE_INFINITY;

  /** Whether the time of the next line would show how late lines of this log can be. */
  get asksForFirst(): boolean {
    return this.#emptyAt !== null;
  }

  /** A batch of lines, and when its first and its last line were written; null where that is not known. */
  read(
    { first, last }: { readonly first: Micros | null; readonly last: Micros | null },
    readAt: Micros,
  ): void {
    const lateUs = first === null || this.#emptyAt === null ? 0 : this.#emptyAt - first;
    this.#emptyAt = null;
    this.#hasRead = true;
    this.#readAt = readAt;
    this.#ageUs = last === null ? 0 : readAt - last;
    this.#turn(readAt);
    if (lateUs > LATE_US) this.#lateUs = Math.max(this.#lateUs, Math.min(lateUs, SILENT_US));
  }

  /** There was no more to read at this moment. */
  drained(at: Micros): void {
    // What comes first after the start was not late: it was waiting for a reader.
    if (this.#hasRead) this.#emptyAt = at;
    // The clock was set back.
    if (at < this.#readAt) this.#readAt = at;
    this.#turn(at);
  }

  /**
   * Up to when all lines have been handed on, where there was no more to read at this moment.
   *
   * @param isComplete whether that was the end of the log, and not of what a pipe held
   */
  passedAt(at: Micros, isComplete: boolean): Micros {
    const lateUs = Math.max(this.#lateUs, this.#formerLateUs);
    if (isComplete) return at - lateUs;
    const isBehind = this.#ageUs > LATE_US && at - this.#readAt < SILENT_US;
    if (!isBehind) return at - Math.max(ON_THE_WAY_US, lateUs);
    return Math.max(Math.min(at, this.#readAt - this.#ageUs), at - HELD_US);
  }

  /** How long after their time lines are read, as it was last. */
  get lagUs(): number {
    return Math.min(Math.max(this.#ageUs, this.#lateUs, this.#formerLateUs), HELD_US);
  }

  #turn(now: Micros): void {
    const sinceUs = Math.abs(now - this.#turnedAt);
    if (sinceUs <= REMEMBERED_US) return;
    this.#formerLateUs = sinceUs > 2 * REMEMBERED_US ? 0 : this.#lateUs;
    this.#lateUs = 0;
    this.#turnedAt = now;
  }
}
