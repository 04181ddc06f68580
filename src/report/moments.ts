/** Moments and lengths of time -> short words for people, in UTC. */

import { type Micros, US_PER_MS } from '../model.ts';

const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `2026-11-21 06:30` */
export function minuteText(time: Micros): string {
  return secondText(time).slice(0, 16);
}

/** `2026-11-21 06:30:15` */
export function secondText(time: Micros): string {
  return new Date(time / US_PER_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** `15 minutes` */
export function lengthText(seconds: number): string {
  const [unit, length] = UNITS.find(([, each]) => seconds % each === 0) ?? ['second', 1];
  const count = seconds / length;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** `06:00 to 06:59` */
export function hourText(hour: number): string {
  const digits = String(hour).padStart(2, '0');
  return `${digits}:00 to ${digits}:59`;
}
