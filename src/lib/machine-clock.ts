/** Reads the time since boot, which nobody can set, and identifies the boot. */

import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { type Micros, US_PER_SECOND } from '../model.ts';

/** Its times can be compared within one boot, even if somebody sets the wall clock in between. */
export interface MachineClock {
  /** Null if unknown; then times of two processes cannot be compared. */
  readonly boot: string | null;
  /** Microseconds since boot, including the time in suspension. */
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
