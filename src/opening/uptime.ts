/** The machine's own clock -> moments that nobody can set, and the boot that they count from. */

import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { type Micros, US_PER_SECOND } from '../model.ts';

/** Moments of one boot can be compared with each other, whoever sets the wall clock in between. */
export interface MachineClock {
  /** Null where the machine does not say: then no moment can be compared with one of another daemon. */
  readonly boot: string | null;
  /** Microseconds since boot, time in suspension included. */
  now(): Micros;
}

export function machineClock(): MachineClock {
  return { boot: bootId(), now: () => Math.round(uptime() * US_PER_SECOND) };
}

function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
