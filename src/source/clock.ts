/** Reads the wall clock and the time of boot. */

import { type Micros, US_PER_MS } from '../model.ts';

const NS_PER_US = 1_000n;

export function wallClock(): Micros {
  return Date.now() * US_PER_MS;
}

/**
 * When this machine booted, by the wall clock of this moment. The kernel stamps its lines by a clock that, as
 * CLOCK_MONOTONIC, stands still while the machine is suspended.
 */
export function bootClock(): Micros {
  return wallClock() - Number(process.hrtime.bigint() / NS_PER_US);
}
