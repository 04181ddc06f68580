/** Learns by how much the stamps of a host that come live are off: its time zone, or a clock that runs ahead. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** All time zones are whole quarters of an hour apart; two can be 26 hours apart (UTC-12 and UTC+14). */
const QUARTER_US = 900 * US_PER_SECOND;
const FARTHEST_US = 26 * 3_600 * US_PER_SECOND;
/** Stamps are whole seconds at the worst, and a logger writes within a second or two. */
const EARLY_US = 2 * US_PER_SECOND;
const LATE_US = 3 * US_PER_SECOND;
/** So many lines in a row, or lines for so long, that are off by the same make it the host's. */
const LEARN_LINES = 20;
const LEARN_US = 2 * US_PER_SECOND;
/** Corrections that are remembered: nobody who writes one wrong line takes the right one away. */
const CORRECTIONS = 4;

interface Correction {
  readonly us: number;
  /** A whole number of quarters of an hour, of a stamp that names no zone. */
  readonly isZone: boolean;
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
  #candidate: (Correction & { readonly since: Micros; readonly lines: number }) | null = null;

  /** Whether lines are off by something that is not known yet. */
  get isLearning(): boolean {
    return this.#candidate !== null;
  }

  /** The correction that was learned last; 0 for none. */
  get correctionUs(): number {
    return this.#known.at(-1)?.us ?? 0;
  }

  /** @returns the correction that this line has confirmed; null for none, or one that was known */
  observe(wall: Micros, readAt: Micros, { hasZone, isFresh }: Observed): Correction | null {
    const lagUs = readAt - wall;
    const offUs =
      isLive(lagUs) || this.#known.some(({ us, isZone }) => !(isZone && hasZone) && isLive(lagUs - us));
    const found = offUs ? null : correctionOf(lagUs, hasZone);
    const before = this.#candidate;
    this.#candidate = null;
    if (found === null) return null;
    const isSame =
      before !== null && before.isZone === found.isZone && Math.abs(before.us - found.us) <= EARLY_US;
    const { since, lines } = isSame ? before : { since: readAt, lines: 0 };
    // The line that was written with the least delay says best how far a clock is ahead.
    const us = isSame ? Math.min(before.us, found.us) : found.us;
    const isSteady = readAt - since >= LEARN_US || (found.isZone && lines + 1 >= LEARN_LINES);
    if (!isSteady && !(isFresh && found.isZone)) {
      this.#candidate = { us, isZone: found.isZone, since, lines: lines + 1 };
      return null;
    }
    const learned = { us, isZone: found.isZone };
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
    return fork;
  }
}

function isLive(lagUs: number): boolean {
  return lagUs >= -EARLY_US && lagUs <= LATE_US;
}

/** What would make a line of this age a new one; null when it is simply old. */
function correctionOf(lagUs: number, hasZone: boolean): Correction | null {
  const quarters = Math.round(lagUs / QUARTER_US) * QUARTER_US;
  if (!hasZone && quarters !== 0 && Math.abs(quarters) <= FARTHEST_US && isLive(lagUs - quarters))
    return { us: quarters, isZone: true };
  return lagUs < -EARLY_US ? { us: lagUs, isZone: false } : null;
}
