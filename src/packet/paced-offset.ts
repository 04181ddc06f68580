/** Tells how old lines are that have the kernel's stamp alone, on the machine that wrote them. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';

/** Lines this far apart by their stamps that were read as far apart are read as they are written. */
const PACE_US = 100 * US_PER_MS;
const PACE_SLACK_US = 50 * US_PER_MS;
/** The least delay of lines that were read as they came is kept for so long; drift then costs 12 ms. */
const PACED_US = 60 * US_PER_SECOND;

/**
 * The machine's clocks say how old its lines are, but for printk's drift, which is minutes after a month. Lines that
 * come at the pace of their stamps are read as they are written: the least delay of those is the offset.
 */
export class PacedOffset {
  /** The least delays against the machine's own clocks, of this minute and of the one before; null for none. */
  #driftUs: number | null = null;
  #formerUs: number | null = null;
  #turnedAt: Micros = 0;
  #last = { uptimeUs: Number.POSITIVE_INFINITY, readAt: 0 };

  of(uptimeUs: number, readAt: Micros, bootedAt: Micros): Micros {
    const [passedUs, stampedUs] = [readAt - this.#last.readAt, uptimeUs - this.#last.uptimeUs];
    this.#last = { uptimeUs, readAt };
    // Against the machine's clocks, so that a step of the wall clock, or a sleep, moves it along.
    if (stampedUs >= PACE_US && Math.abs(passedUs - stampedUs) <= PACE_SLACK_US)
      this.#add(readAt - uptimeUs - bootedAt, readAt);
    return bootedAt + (least(this.#driftUs, this.#formerUs) ?? 0);
  }

  fork(): PacedOffset {
    const fork = new PacedOffset();
    fork.#driftUs = this.#driftUs;
    fork.#formerUs = this.#formerUs;
    fork.#turnedAt = this.#turnedAt;
    fork.#last = this.#last;
    return fork;
  }

  #add(driftUs: number, now: Micros): void {
    if (Math.abs(now - this.#turnedAt) > PACED_US) {
      this.#formerUs = this.#driftUs;
      this.#driftUs = null;
      this.#turnedAt = now;
    }
    this.#driftUs = least(this.#driftUs, driftUs);
  }
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
