/** Counts moments by hour of the day, in UTC and in local time. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../../model.ts';

const HOURS = 24;
/** Where a zone is ahead of UTC by less than whole hours it is by quarters, and clocks are changed at one. */
const US_PER_QUARTER = 900 * US_PER_SECOND;
const US_PER_HOUR = 3_600 * US_PER_SECOND;

/** 24 counts each. */
export interface HourCounts {
  readonly utc: readonly number[];
  /** In the time zone of the process. */
  readonly local: readonly number[];
}

export class Hours {
  readonly #utc = new Float64Array(HOURS);
  readonly #local = new Float64Array(HOURS);
  /** Asking for a local hour costs more than all else here, and packets come in the order of their times. */
  #quarter = Number.NaN;
  #localHour = 0;

  add(time: Micros): void {
    const quarter = Math.floor(time / US_PER_QUARTER);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#localHour = new Date(time / US_PER_MS).getHours();
    }
    const hour = Math.floor(time / US_PER_HOUR) % HOURS;
    this.#utc[hour] = (this.#utc[hour] ?? 0) + 1;
    this.#local[this.#localHour] = (this.#local[this.#localHour] ?? 0) + 1;
  }

  read(): HourCounts {
    return { utc: [...this.#utc], local: [...this.#local] };
  }
}
