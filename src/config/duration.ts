/** Parses durations such as 5s to microseconds. A bare number is seconds, as in knockd.conf. */

import { US_PER_MS, US_PER_SECOND } from '../model.ts';

export const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;

const UNIT_US: Readonly<Record<string, number>> = {
  ms: US_PER_MS,
  s: US_PER_SECOND,
  m: 60 * US_PER_SECOND,
  h: 3_600 * US_PER_SECOND,
  d: 86_400 * US_PER_SECOND,
};

/** Ten years: rules carry their end as a date that iptables takes. */
export const LONGEST_DAYS = 10 * 366;
export const LONGEST_US = LONGEST_DAYS * 86_400 * US_PER_SECOND;

/** Whole microseconds, or null when the text is no duration, or one of more than ten years. */
export function parseDuration(text: string | number): number | null {
  const [, number, unit = 's'] = DURATION_PATTERN.exec(String(text)) ?? [];
  const unitUs = UNIT_US[unit];
  if (number === undefined || unitUs === undefined) return null;
  const us = Math.round(Number(number) * unitUs);
  return us <= LONGEST_US ? us : null;
}
