/** Stamps of lines -> moments: the kernel's uptime put on the wall clock by one offset per boot. */

import { type Micros, US_PER_SECOND } from '../model.ts';

/** More than this between the two clocks of a line is a reboot, a suspend or a step, not a late logger. */
const DRIFT_LIMIT_US = 2 * US_PER_SECOND;
/** A stamp further ahead than this of the moment of reading is no stamp. */
const AHEAD_LIMIT_US = 2 * US_PER_SECOND;

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
  #offset: Micros | null;

  /** `live`: lines are read as they come, so none can be from the future. `bootOffset`: the wall time of boot. */
  constructor({ live, bootOffset = null }: { readonly live: boolean; readonly bootOffset?: Micros | null }) {
    this.#live = live;
    this.#offset = bootOffset;
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
    return new BootClock({ live: this.#live, bootOffset: this.#offset });
  }

  #fromUptime(uptimeUs: number | null, written: Micros | null, readAt: Micros): Micros | null {
    if (uptimeUs === null) return null;
    const measured = (written ?? readAt) - uptimeUs;
    const offset = this.#offset;
    if (offset === null) this.#offset = measured;
    else if (written !== null && Math.abs(measured - offset) > DRIFT_LIMIT_US) this.#offset = measured;
    else if (!this.#isPossible(uptimeUs + offset, readAt)) return null;
    return uptimeUs + (this.#offset ?? measured);
  }

  #isPossible(time: Micros, readAt: Micros): boolean {
    return !this.#live || time <= readAt + AHEAD_LIMIT_US;
  }
}
