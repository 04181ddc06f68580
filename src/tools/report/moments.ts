/** Formats times and durations for a report, in local time. */

import { type Micros, US_PER_MS } from '../../model.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** The time zone that all of these are in, such as `Europe/Berlin`: TZ, or else that of the host. */
export function zoneName(): string {
  const { timeZone }: Partial<Intl.ResolvedDateTimeFormatOptions> = Intl.DateTimeFormat().resolvedOptions();
  // Node knows no name for `:/etc/localtime`, nor for what is no zone.
  return timeZone === undefined || timeZone === 'Etc/Unknown' ? 'local time' : timeZone;
}

/** `2026-11-21 06:30` */
export function minuteText(time: Micros): string {
  return secondText(time).slice(0, 16);
}

/** `2026-11-21 06:30:15` */
export function secondText(time: Micros): string {
  const date = new Date(time / US_PER_MS);
  const day = [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())];
  return `${day.join('-')} ${clockText(date)}`;
}

/** `06:30:15` */
export function clockText(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

/** `Nov 21` */
export function dayText(date: Date): string {
  return `${MONTHS[date.getMonth()] ?? ''} ${date.getDate()}`;
}

/** `15 minutes` */
export function lengthText(seconds: number): string {
  const [unit, length] = UNITS.find(([, each]) => seconds % each === 0) ?? ['second', 1];
  const count = seconds / length;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** `06:00 to 06:59` */
export function hourText(hour: number): string {
  return `${two(hour)}:00 to ${two(hour)}:59`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
