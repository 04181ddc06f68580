/** The wall clock -> the moment at which lines are read. */

import { type Micros, US_PER_MS } from '../model.ts';

export function wallClock(): Micros {
  return Date.now() * US_PER_MS;
}
