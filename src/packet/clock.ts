/** Stamps of lines -> moments: the kernel's uptime put on the wall clock by one offset per boot. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';

/** More than this between the two clocks of a line is a reboot, a suspend, a step, or a logger that was stopped. */
const DRIFT_LIMIT_US = 2 * US_PER_SECOND;
/** The kernel's stamps are off by minutes after a month, against the clocks of its user space. */
const DRIFT = 1e-4;
/** A logger that catches up is less late with each line; for so long that it is not, it is the clock. */
const CATCHING_UP_US = 4 * US_PER_SECOND;
/** Stamps of logs are whole seconds at the worst. */
const COARSE_US = US_PER_SECOND;
/** A stamp further ahead than this of the moment of reading is no stamp. */
const AHEAD_LIMIT_US = 2 * US_PER_SECOND;
/** Lines that are so far apart, and were read as far apart, are read as they come: a backlog is read at once. */
const PACE_US = 100 * US_PER_MS;
const PACE_SLACK_US = 50 * US_PER_MS;

export interface Stamps {
  readonly wall: Micros | null;
  readonly uptimeUs: number | null;
}

export interface Moment {
  readonly time: Micros;
  /** The whole wall-clock second that the log prints, else that of `time`. */
  readonly second: number;
}

/**
 * Within a boot, times between packets are the kernel's to the microsecond, however late or coarse the stamps of
 * the logger are.
 */
export class BootClock {
  readonly #live: boolean;
  #offset: Micros | null = null;
  /** What `#bootedAt` was when the offset was found. */
  #offsetBootedAt: Micros | null = null;
  /** The first line that may only be late, as late as those since. */
  #late: { readonly uptimeUs: number; readonly measured: Micros } | null = null;
  /** When this machine booted, by its clocks; null when the lines are not its own. */
  #bootedAt: Micros | null = null;
  /** The offset that lines read as they came have shown; null before there were any. */
  #paced: Micros | null = null;
  #last = { uptimeUs: Number.POSITIVE_INFINITY, readAt: 0 };

  /** `live`: lines are read as they come, so none can be from the future. */
  constructor({ live }: { readonly live: boolean }) {
    this.#live = live;
  }

  /** Lines that have the kernel's stamp alone are of a machine that booted at this moment, from here on. */
  booted(at: Micros | null): void {
    this.#bootedAt = at;
  }

  place({ wall, uptimeUs }: Stamps, readAt: Micros): Moment {
    const written = wall !== null && this.#isPossible(wall, readAt) ? wall : null;
    const time = this.#fromUptime(uptimeUs, written, readAt) ?? written ?? readAt;
    return { time, second: Math.floor((written ?? time) / US_PER_SECOND) };
  }

  /** The moment of a stamp in a log whose clocks are known to agree; null before any line was placed. */
  ofUptime(uptimeUs: number): Micros | null {
    return this.#offset === null ? null : uptimeUs + this.#offset;
  }

  /** A clock that goes on from here by itself: a line that is not believed must not set the clock of others. */
  fork(): BootClock {
    const fork = new BootClock({ live: this.#live });
    fork.#offset = this.#offset;
    fork.#offsetBootedAt = this.#offsetBootedAt;
    fork.#late = this.#late;
    fork.#bootedAt = this.#bootedAt;
    fork.#paced = this.#paced;
    fork.#last = this.#last;
    return fork;
  }

  #fromUptime(uptimeUs: number | null, written: Micros | null, readAt: Micros): Micros | null {
    if (uptimeUs === null) return null;
    const measured = (written ?? readAt) - uptimeUs;
    if (written === null && this.#bootedAt !== null)
      this.#offset = this.#calibrated(uptimeUs, readAt, this.#bootedAt);
    const offset = this.#offset;
    if (offset === null && written !== null && this.#isLateAtFirst(measured, readAt)) {
      this.#adopt(this.#bootedAt ?? measured);
      this.#late = { uptimeUs, measured };
    } else if (offset === null) this.#adopt(measured);
    else if (written !== null && Math.abs(measured - offset) > DRIFT_LIMIT_US) {
      if (!this.#isLate(uptimeUs, measured, offset)) this.#adopt(measured);
    } else if (!this.#isPossible(uptimeUs + offset, readAt)) return null;
    else this.#late = null;
    return uptimeUs + (this.#offset ?? measured);
  }

  /** Nothing was read before that tells: the clocks of this machine do, as far as they agree with the kernel's. */
  #isLateAtFirst(measured: Micros, readAt: Micros): boolean {
    if (!this.#live || this.#bootedAt === null) return false;
    return measured - this.#bootedAt > DRIFT_LIMIT_US + (readAt - this.#bootedAt) * DRIFT;
  }

  #adopt(offset: Micros): void {
    this.#offset = offset;
    this.#offsetBootedAt = this.#bootedAt;
    this.#late = null;
  }

  /**
   * Whether a line was written later than it was stamped, rather than stamped by another clock. A logger that was
   * stopped writes what it finds in the ring with the time at which it does (rsyslog, observed), and a knock of long
   * ago must not pass for a new one. The clocks of this machine tell at once, those of others after a while.
   */
  #isLate(uptimeUs: number, measured: Micros, offset: Micros): boolean {
    const jump = measured - offset;
    if (!this.#live || jump < 0) return false;
    const jumped = (this.#bootedAt ?? 0) - (this.#offsetBootedAt ?? 0);
    if (Math.abs(jump - jumped) <= DRIFT_LIMIT_US) return false;
    const late = this.#late;
    const isAsLate =
      late !== null && uptimeUs >= late.uptimeUs && Math.abs(measured - late.measured) <= COARSE_US;
    if (isAsLate) return uptimeUs - late.uptimeUs < CATCHING_UP_US;
    this.#late = { uptimeUs, measured };
    return true;
  }

  /**
   * The kernel's stamps are not slewed as the clocks of its user space are, and are off by minutes after a month
   * (printk takes sched_clock). Lines that come at the pace of their stamps are read as they are written: the
   * least delay of those is the offset. Before that, they are as old as the clocks say, and never of the future.
   */
  #calibrated(uptimeUs: number, readAt: Micros, bootedAt: Micros): Micros {
    const measured = readAt - uptimeUs;
    const [passedUs, stampedUs] = [readAt - this.#last.readAt, uptimeUs - this.#last.uptimeUs];
    if (stampedUs >= PACE_US && Math.abs(passedUs - stampedUs) <= PACE_SLACK_US) {
      this.#paced = Math.min(this.#paced ?? measured, measured);
    } else if (stampedUs < 0 || Math.abs(passedUs - stampedUs) > DRIFT_LIMIT_US) this.#paced = null;
    this.#last = { uptimeUs, readAt };
    return Math.min(this.#paced ?? bootedAt, measured);
  }

  #isPossible(time: Micros, readAt: Micros): boolean {
    return !this.#live || time <= readAt + AHEAD_LIMIT_US;
  }
}
