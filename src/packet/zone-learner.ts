/** Learns by how much the stamps of a host that come live are off: its time zone, or a clock that runs ahead. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** All time zones are whole quarters of an hour apart; two can be 26 hours apart (UTC-12 and UTC+14). */
const QUARTER_US = 900 * US_PER_SECOND;
const FARTHEST_US = 26 * 3_600 * US_PER_SECOND;
/** Stamps are whole seconds at the worst, a logger writes within a second or two, and clocks that nobody sets are off by some more. */
const EARLY_US = 2 * US_PER_SECOND;
const LATE_US = 10 * US_PER_SECOND;
/** How far lines that come live can differ in that. */
const STEADY_US = 3 * US_PER_SECOND;
/** So many lines, or lines for so long, that are off by the same make it the host's. */
const LEARN_LINES = 20;
const LEARN_US = 2 * US_PER_SECOND;
/** Corrections that are remembered: nobody who writes one wrong line takes the right one away. */
const CORRECTIONS = 4;

interface Correction {
  readonly us: number;
  /** A whole number of quarters of an hour, of a stamp that names no zone. */
  readonly isZone: boolean;
}

interface Candidate extends Correction {
  /** How old the first of its lines seemed to be, and when it was read. */
  readonly lagUs: number;
  readonly since: Micros;
  /** How many lines agreed on it, and how many among them did not. */
  readonly lines: number;
  readonly misses: number;
  /** Whether the last line did not agree. */
  readonly isMissed: boolean;
  /**
   * Whether a line that did not agree was read among these lines, or just before them. Old lines that are put back are
   * read at once, and of a busy log many are off by nearly the same: then only time tells.
   */
  readonly isMixed: boolean;
}

export interface Observed {
  /** Whether the stamp names its own zone. */
  readonly hasZone: boolean;
  /** Whether the kernel's own stamp says that the line is new. */
  readonly isFresh: boolean;
}

/**
 * A line that is read as it comes is new, so a steady distance between its stamp and the moment of reading is the
 * clock's and not the line's. Old lines that are put back into a log are not live: their distances differ.
 */
export class ZoneLearner {
  readonly #known: Correction[] = [];
  #candidate: Candidate | null = null;
  /** When a line was last read that did not agree with the candidate. */
  #otherAt: Micros = Number.NEGATIVE_INFINITY;

  /** Whether lines are off by something that is not known yet. */
  get isLearning(): boolean {
    return this.#candidate !== null;
  }

  /** The correction that was needed last; 0 for none. */
  get correctionUs(): number {
    return this.#known.at(-1)?.us ?? 0;
  }

  /** @returns the correction that this line has confirmed; null for none, or one that was known */
  observe(wall: Micros, readAt: Micros, { hasZone, isFresh }: Observed): Correction | null {
    const lagUs = readAt - wall;
    const isRight = isLive(lagUs) || this.#fits(lagUs, hasZone);
    const found = isRight ? null : correctionOf(lagUs, hasZone);
    if (found !== null && isFresh && found.us % QUARTER_US === 0) return this.#learn(found);
    const before = this.#candidate;
    const isSame =
      found !== null &&
      before !== null &&
      before.isZone === found.isZone &&
      Math.abs(before.us - found.us) <= EARLY_US &&
      Math.abs(before.lagUs - lagUs) <= STEADY_US;
    if (isSame) return this.#confirm(before, found, readAt);
    const isAfterOther = readAt - this.#otherAt < LEARN_US;
    this.#otherAt = readAt;
    if (before !== null && isOutlier(before, isRight)) {
      this.#candidate = { ...before, misses: before.misses + 1, isMissed: true, isMixed: true };
      return null;
    }
    const isMixed = isAfterOther || before !== null;
    this.#candidate =
      found === null
        ? null
        : { ...found, lagUs, since: readAt, lines: 1, misses: 0, isMissed: false, isMixed };
    return null;
  }

  /** Whether a correction that is known makes this a new line. The one that did last is forgotten last. */
  #fits(lagUs: number, hasZone: boolean): boolean {
    const index = this.#known.findIndex(({ us, isZone }) => !(isZone && hasZone) && isLive(lagUs - us));
    this.#known.push(...this.#known.splice(index, index < 0 ? 0 : 1));
    return index >= 0;
  }

  #confirm(before: Candidate, found: Correction, readAt: Micros): Correction | null {
    // The line that was written with the least delay says best how far a clock is ahead.
    const us = Math.min(before.us, found.us);
    const lines = before.lines + 1;
    const isCounted = found.isZone && !before.isMixed && lines >= LEARN_LINES;
    if (isCounted || readAt - before.since >= LEARN_US) return this.#learn({ us, isZone: found.isZone });
    this.#candidate = { ...before, us, lines, isMissed: false };
    return null;
  }

  #learn({ us, isZone }: Correction): Correction {
    const learned = { us, isZone };
    this.#candidate = null;
    this.#known.push(learned);
    if (this.#known.length > CORRECTIONS) this.#known.shift();
    return learned;
  }

  /** The stamp on the reader's clock. Of the readings that are possible, the one nearest to the moment of reading counts. */
  correct(wall: Micros, readAt: Micros, hasZone: boolean): Micros {
    let best = wall;
    for (const { us, isZone } of this.#known) {
      const corrected = wall + us;
      if ((isZone && hasZone) || corrected > readAt + EARLY_US) continue;
      if (best > readAt + EARLY_US || corrected > best) best = corrected;
    }
    return best;
  }

  /** One that learns by itself from here on. */
  fork(): ZoneLearner {
    const fork = new ZoneLearner();
    fork.#known.push(...this.#known);
    fork.#candidate = this.#candidate;
    fork.#otherAt = this.#otherAt;
    return fork;
  }
}

function isLive(lagUs: number): boolean {
  return lagUs >= -EARLY_US && lagUs <= LATE_US;
}

/**
 * Whether a line may disagree and leave the candidate as it is: a single one of any stamp, so that nobody keeps a zone
 * from being learned by writing a line now and then. Lines that are right as they are speak against it, unless they are few.
 */
function isOutlier({ lines, misses, isMissed }: Candidate, isRight: boolean): boolean {
  return !isMissed && (!isRight || misses + 1 < lines);
}

/** What would make a line of this age a new one; null when it is simply old. */
function correctionOf(lagUs: number, hasZone: boolean): Correction | null {
  const quarters = Math.round(lagUs / QUARTER_US) * QUARTER_US;
  const restUs = lagUs - quarters;
  if (
    !hasZone &&
    quarters !== 0 &&
    Math.abs(quarters) <= FARTHEST_US &&
    restUs >= -LATE_US &&
    restUs <= LATE_US
  )
    return { us: restUs < -EARLY_US ? lagUs : quarters, isZone: true };
  return lagUs < -EARLY_US ? { us: lagUs, isZone: false } : null;
}
