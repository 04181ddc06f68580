/** A moment -> its ISO 8601 text in UTC, to the microsecond. */

import { type Micros, US_PER_MS } from './model.ts';

export function isoTime(time: Micros): string {
  const micros = String(((time % US_PER_MS) + US_PER_MS) % US_PER_MS).padStart(3, '0');
  return new Date(Math.floor(time / US_PER_MS)).toISOString().replace('Z', `${micros}Z`);
}
