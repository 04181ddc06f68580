/** Watches the lines of a log for forged and missing ones, and reports them. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { lossesIn } from './loss.ts';

/** Whoever floods a log with such lines gets one line a minute of ours. */
const REPORT_US = 60 * US_PER_SECOND;
/** A host on the Internet drops something all the time. */
const SILENCE_US = 3_600 * US_PER_SECOND;
/** Who is asked several times a second was not there to hear anything for so long. */
const UNSEEN_US = 60 * US_PER_SECOND;
/** More than any one line can truthfully claim. */
const MOST_SUPPRESSED = 2 ** 31;

export class LogHealth {
  #suppressed = 0;
  #losses = { first: '', count: 0, reportedAt: Number.NEGATIVE_INFINITY };
  #forged = { reported: 0, reportedAt: Number.NEGATIVE_INFINITY };
  /** When the last lines came; null before the first, and once their absence was told. */
  #heardAt: Micros | null = null;
  #lookedAt: Micros = 0;

  /** Lines that are missing, as the log itself says. */
  get suppressed(): number {
    return this.#suppressed;
  }

  /** @param bytes whole lines, each ending in LF */
  hear(bytes: Buffer, readAt: Micros): void {
    this.#heardAt = readAt;
    for (const { text, count } of lossesIn(bytes)) {
      // Whoever can write to the log can claim any number.
      this.#suppressed += Math.min(count, MOST_SUPPRESSED);
      if (this.#losses.count++ === 0) this.#losses.first = text;
    }
  }

  /** What is due to be told by now. `untrusted`: lines so far that carry the prefix and are not the kernel's. */
  reports(now: Micros, untrusted: number): string[] {
    return [this.#forgeries(now, untrusted), this.#missing(now), this.#silence(now)].filter(
      (text) => text !== null,
    );
  }

  #forgeries(now: Micros, untrusted: number): string | null {
    const { reported, reportedAt } = this.#forged;
    if (untrusted === reported || Math.abs(now - reportedAt) < REPORT_US) return null;
    this.#forged = { reported: untrusted, reportedAt: now };
    // Another prefix begins another count.
    const count = untrusted < reported ? untrusted : untrusted - reported;
    return `${count} lines carry the prefix but are not the kernel's, and did not count`;
  }

  #missing(now: Micros): string | null {
    const { first, count, reportedAt } = this.#losses;
    if (count === 0 || Math.abs(now - reportedAt) < REPORT_US) return null;
    this.#losses = { first: '', count: 0, reportedAt: now };
    const more = count === 1 ? '' : `, and ${count - 1} more like it`;
    return `knocks may be missing, as the log says "${first}"${more}`;
  }

  #silence(now: Micros): string | null {
    // The clock was set, as at the first hour of a machine that has none of its own, or the machine has slept.
    if (this.#heardAt !== null && Math.abs(now - this.#lookedAt) > UNSEEN_US) this.#heardAt = now;
    this.#lookedAt = now;
    if (this.#heardAt === null || now - this.#heardAt < SILENCE_US) return null;
    this.#heardAt = null;
    return 'knocks may be missing: no line has come for an hour';
  }
}
