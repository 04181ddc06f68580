/** Writes moments and spans of time: ISO 8601 in UTC for programs, local time to the second for people. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** The day that was written last, with `T` behind it: most moments that are written share it. */
let lastDay = { number: Number.NaN, text: '' };

/** `2026-11-20T22:00:30.000000Z` */
export function isoTime(time: Micros): string {
  const seconds = Math.floor(time / US_PER_SECOND);
  const day = Math.floor(seconds / DAY_S);
  if (day !== lastDay.number) {
    const iso = new Date(day * DAY_S * (US_PER_SECOND / US_PER_MS)).toISOString();
    lastDay = { number: day, text: iso.slice(0, iso.indexOf('T') + 1) };
  }
  const second = seconds - day * DAY_S;
  const minute = Math.floor(second / MINUTE_S);
  const clock = `${two(Math.floor(minute / 60))}:${two(minute % 60)}:${two(second % MINUTE_S)}`;
  // With a digit ahead, so that no zero is lost.
  const fraction = String(US_PER_SECOND + time - seconds * US_PER_SECOND).slice(1);
  return `${lastDay.text}${clock}.${fraction}Z`;
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
  return TWO_DIGITS[number] ?? String(number);
}
