/** Writes moments and spans of time: ISO 8601 in UTC for programs, local time to the second for people. */

import { type Micros, US_PER_MS, US_PER_SECOND } from './model.ts';

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

/** The second that was written last: most moments that are written share it. */
let lastSecond = { number: Number.NaN, text: '' };

/** `2026-11-20T22:00:30.000000Z` */
export function isoTime(time: Micros): string {
  const second = Math.floor(time / US_PER_SECOND);
  if (second !== lastSecond.number) {
    const iso = new Date(second * (US_PER_SECOND / US_PER_MS)).toISOString();
    lastSecond = { number: second, text: iso.slice(0, iso.lastIndexOf('.')) };
  }
  return `${lastSecond.text}.${String(time - second * US_PER_SECOND).padStart(6, '0')}Z`;
}

/** `2026-11-20 22:00:30`, local. */
export function localTime(time: Micros): string {
  const date = dateOf(time);
  return `${dayOf(date)} ${clockOf(date)}`;
}

/** `22:00:30`, local, with the day where that is not today. */
export function shortTime(time: Micros, now: Micros): string {
  const date = dateOf(time);
  return dayOf(date) === dayOf(dateOf(now)) ? clockOf(date) : localTime(time);
}

/** `30 s`, `9 min 58 s`, `2 h 5 min`, `3 d`: the two largest units, of those below two minutes the seconds alone. */
export function spanText(span: Micros): string {
  const seconds = Math.round(span / US_PER_SECOND);
  if (seconds < 2 * MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return units(seconds, [MINUTE_S, 'min'], [1, 's']);
  if (seconds < 2 * DAY_S) return units(seconds, [HOUR_S, 'h'], [MINUTE_S, 'min']);
  return units(seconds, [DAY_S, 'd'], [HOUR_S, 'h']);
}

type Unit = readonly [seconds: number, name: string];

function units(seconds: number, [size, name]: Unit, [smallSize, smallName]: Unit): string {
  const rest = Math.floor((seconds % size) / smallSize);
  const large = `${Math.floor(seconds / size)} ${name}`;
  return rest === 0 ? large : `${large} ${rest} ${smallName}`;
}

function dateOf(time: Micros): Date {
  return new Date(Math.floor(time / US_PER_MS));
}

function dayOf(date: Date): string {
  return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
}

function clockOf(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
