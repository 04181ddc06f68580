/** The date and time at the head of a log line -> a moment. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { LOCAL_ZONE, momentOf, type TimeZone } from '../time-zone.ts';
import { BLANK, decimal, digitsEnd, isDigit, skipBlanks, standsAt, wordEnd } from './bytes.ts';

export interface Stamp {
  readonly time: Micros;
  /** Whether only the second is known. */
  readonly wholeSecond: boolean;
  /** Whether the stamp itself names its zone; otherwise it was taken as local time. */
  readonly hasZone: boolean;
  /** The offset of the first byte after the stamp. */
  readonly end: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const FRACTION_DIGITS = 6;
/** What a moment can be, see Micros; and no log is older than Unix. */
const [FIRST_YEAR, LAST_YEAR] = [1970, 2254];
const LAST_SECOND = Date.UTC(LAST_YEAR, 11, 31) / 1000;
const US_PER_MINUTE = 60 * US_PER_SECOND;
const [DOT, COMMA, PLUS, MINUS, COLON] = [0x2e, 0x2c, 0x2b, 0x2d, 0x3a];

/**
 * Reads a stamp in any of the spellings of syslog daemons, journalctl and dmesg; null where there is none.
 * Where a stamp has no year, the year is the one that brings it nearest to `reference`; where it has no zone,
 * it is the civil time of `zone`.
 */
export function readStamp(
  bytes: Buffer,
  at: number,
  end: number,
  reference: Micros,
  zone: TimeZone = LOCAL_ZONE,
): Stamp | null {
  const how = { reference, zone };
  if (isDigit(bytes[at])) return rfc3339(bytes, at, end, how) ?? unixSeconds(bytes, at, end);
  const afterDay = DAYS.some((day) => standsAt(bytes, day, at, end)) ? skipBlanks(bytes, at + 3, end) : at;
  if (afterDay > at && isDigit(bytes[afterDay])) return rfc3339(bytes, afterDay, end, how);
  return monthAndDay(bytes, afterDay, end, how);
}

/** How civil time is read. */
interface Civil {
  readonly reference: Micros;
  readonly zone: TimeZone;
}

interface Clock {
  readonly us: number;
  readonly fraction: boolean;
  readonly end: number;
}

/** `2026-11-20T23:56:51.985224+00:00`, with a blank for the T, a comma for the point, Z, +0000 or UTC. */
function rfc3339(bytes: Buffer, at: number, end: number, how: Civil): Stamp | null {
  const year = decimal(bytes, at, at + 4);
  const month = decimal(bytes, at + 5, at + 7);
  const day = decimal(bytes, at + 8, at + 10);
  if (
    at + 10 >= end ||
    year < FIRST_YEAR ||
    year > LAST_YEAR ||
    bytes[at + 4] !== MINUS ||
    bytes[at + 7] !== MINUS
  )
    return null;
  if (month < 1 || month > 12 || day < 1 || day > 31) return null;
  const clock = clockTime(bytes, at + 11, end);
  if (clock === null) return null;
  const zone = zoneAt(bytes, clock.end, end);
  const time =
    zone === null
      ? civil(year, month - 1, day, clock, how)
      : Date.UTC(year, month - 1, day) * US_PER_MS + clock.us - zone.us;
  return { time, wholeSecond: !clock.fraction, hasZone: zone !== null, end: zone?.end ?? clock.end };
}

/** `Nov 20 23:56:51`, with a fraction or with the year at its end. */
function monthAndDay(bytes: Buffer, at: number, end: number, how: Civil): Stamp | null {
  const month = MONTHS.findIndex((name) => standsAt(bytes, name, at, end));
  if (month < 0 || bytes[at + 3] !== BLANK) return null;
  const dayAt = skipBlanks(bytes, at + 4, end);
  const dayEnd = digitsEnd(bytes, dayAt, end);
  const day = decimal(bytes, dayAt, dayEnd);
  if (day < 1 || day > 31 || bytes[dayEnd] !== BLANK) return null;
  const clock = clockTime(bytes, dayEnd + 1, end);
  if (clock === null) return null;
  const yearEnd = digitsEnd(bytes, clock.end + 1, end);
  const hasYear = bytes[clock.end] === BLANK && yearEnd === clock.end + 5;
  const year = hasYear ? decimal(bytes, clock.end + 1, yearEnd) : nearestYear(month, day, how.reference);
  if (year === null || year < FIRST_YEAR || year > LAST_YEAR) return null;
  const time = civil(year, month, day, clock, how);
  return { time, wholeSecond: !clock.fraction, hasZone: false, end: hasYear ? yearEnd : clock.end };
}

/** `1795220045.821332` */
function unixSeconds(bytes: Buffer, at: number, end: number): Stamp | null {
  const point = digitsEnd(bytes, at, end);
  const fractionEnd = digitsEnd(bytes, point + 1, end);
  if (bytes[point] !== DOT || fractionEnd !== point + 1 + FRACTION_DIGITS || bytes[fractionEnd] !== BLANK)
    return null;
  const seconds = decimal(bytes, at, point);
  if (seconds < 0 || seconds > LAST_SECOND) return null;
  const time = seconds * US_PER_SECOND + decimal(bytes, point + 1, fractionEnd);
  return { time, wholeSecond: false, hasZone: true, end: fractionEnd };
}

/** `23:56:51` and whatever follows of the second. */
function clockTime(bytes: Buffer, at: number, end: number): Clock | null {
  const hours = decimal(bytes, at, at + 2);
  const minutes = decimal(bytes, at + 3, at + 5);
  const seconds = decimal(bytes, at + 6, at + 8);
  if (at + 8 > end || bytes[at + 2] !== COLON || bytes[at + 5] !== COLON) return null;
  // A leap second is written as 60.
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60) return null;
  const us = ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND;
  const isFraction = (bytes[at + 8] === DOT || bytes[at + 8] === COMMA) && isDigit(bytes[at + 9]);
  if (!isFraction) return { us, fraction: false, end: at + 8 };
  const fractionEnd = digitsEnd(bytes, at + 9, end);
  const digits = Math.min(fractionEnd - at - 9, FRACTION_DIGITS);
  const fraction = decimal(bytes, at + 9, at + 9 + digits) * 10 ** (FRACTION_DIGITS - digits);
  return { us: us + fraction, fraction: true, end: fractionEnd };
}

function zoneAt(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly us: number; readonly end: number } | null {
  if (standsAt(bytes, 'Z', at, end)) return { us: 0, end: at + 1 };
  if (standsAt(bytes, ' UTC', at, end) && wordEnd(bytes, at + 1, end) === at + 4)
    return { us: 0, end: at + 4 };
  if (bytes[at] !== PLUS && bytes[at] !== MINUS) return null;
  const minutesAt = bytes[at + 3] === COLON ? at + 4 : at + 3;
  const hours = decimal(bytes, at + 1, at + 3);
  const minutes = decimal(bytes, minutesAt, minutesAt + 2);
  if (minutesAt + 2 > end || hours < 0 || minutes < 0) return null;
  const us = (hours * 60 + minutes) * US_PER_MINUTE;
  return { us: bytes[at] === MINUS ? -us : us, end: minutesAt + 2 };
}

function civil(year: number, month: number, day: number, clock: Clock, { zone, reference }: Civil): Micros {
  const minute = Math.floor(clock.us / US_PER_MINUTE);
  return (
    momentOf(zone, Date.UTC(year, month, day, 0, minute), reference) + (clock.us - minute * US_PER_MINUTE)
  );
}

/** The year that brings a day nearest to the reference; null where no such year has the day. */
function nearestYear(month: number, day: number, reference: Micros): number | null {
  const referenceMs = reference / US_PER_MS;
  const year = new Date(referenceMs).getUTCFullYear();
  let nearest: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of [year, year - 1, year + 1]) {
    const noonMs = Date.UTC(candidate, month, day, 12);
    const distance = Math.abs(noonMs - referenceMs);
    if (distance >= least || new Date(noonMs).getUTCMonth() !== month) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}
