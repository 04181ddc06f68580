/** Reads the date and time in a log line, in the spellings of syslog daemons, journalctl, dmesg and shippers. */

import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { BLANK, decimal, digitsEnd, isDigit, isFieldEnd, skipBlanks, standsAt } from './bytes.ts';
import { type Zone, zoneAfter, zoneName } from './zone.ts';

export interface Stamp {
  /** A moment; where the stamp names no zone, its civil time as if that were UTC. */
  readonly time: Micros;
  /** Whether only the second is known. */
  readonly wholeSecond: boolean;
  /** Whether the stamp itself names its zone. */
  readonly hasZone: boolean;
  /** The offset of the first byte after the stamp. */
  readonly end: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const FRACTION_DIGITS = 6;
/** What a moment can be, see Micros; and no log is older than Unix. */
const [FIRST_YEAR, LAST_YEAR] = [1970, 2254];
const US_PER_MINUTE = 60 * US_PER_SECOND;
const [DOT, COMMA, MINUS, COLON, SLASH, UNDERSCORE, CLOSE] = [0x2e, 0x2c, 0x2d, 0x3a, 0x2f, 0x5f, 0x5d];
/** svlogd -ttt prints UTC with five digits of a second and does not say so (svlogd(8)). */
const SVLOGD_DIGITS = 5;
const UTC_FROM = (end: number): Zone => ({ us: 0, end });

/**
 * Reads a date with its time of day; null where there is none. Where a stamp has no year, the year is the one that
 * brings it nearest to `reference`.
 */
export function readDate(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  if (isDigit(bytes[at])) return digitsFirst(bytes, at, end);
  const day = DAYS.some((name) => standsAt(bytes, name, at, end));
  if (!day) return monthFirst(bytes, at, end, reference);
  const after = skipBlanks(bytes, bytes[at + 3] === COMMA ? at + 4 : at + 3, end);
  if (!isDigit(bytes[after])) return monthFirst(bytes, after, end, reference);
  return yearMonthDay(bytes, after, end, true) ?? dayMonthYear(bytes, after, end);
}

function digitsFirst(bytes: Buffer, at: number, end: number): Stamp | null {
  return yearMonthDay(bytes, at, end, false) ?? yearMonthName(bytes, at, end) ?? dayMonthYear(bytes, at, end);
}

interface Clock {
  readonly us: number;
  readonly fractionDigits: number;
  readonly end: number;
}

/**
 * `2026-11-20T23:56:51.985224+00:00`, also with slashes, or with a blank for the T. After a day of the week it is what
 * journalctl -o short-full prints, with the name of the local zone.
 */
function yearMonthDay(bytes: Buffer, at: number, end: number, isNamed: boolean): Stamp | null {
  const separator = bytes[at + 4];
  if (separator !== MINUS && separator !== SLASH) return null;
  const year = decimal(bytes, at, at + 4);
  const month = decimal(bytes, at + 5, at + 7);
  const day = decimal(bytes, at + 8, at + 10);
  if (bytes[at + 7] !== separator || month < 1 || month > 12) return null;
  const clock = clockTime(bytes, at + 11, end);
  if (clock === null) return null;
  if (bytes[at + 10] === UNDERSCORE) return stampOf(year, month - 1, day, clock, UTC_FROM(clock.end));
  const name = isNamed ? zoneName(bytes, clock.end, end) : null;
  const zone = name ?? zoneAfter(bytes, clock.end, end);
  const isSvlogd = zone === null && clock.fractionDigits === SVLOGD_DIGITS;
  return stampOf(year, month - 1, day, clock, isSvlogd ? UTC_FROM(clock.end) : zone);
}

/** `Nov 20 23:56:51`, with the year ahead of the time or after it. */
function monthFirst(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  const month = monthAt(bytes, at, end);
  if (month < 0 || bytes[at + 3] !== BLANK) return null;
  const dayAt = skipBlanks(bytes, at + 4, end);
  const dayEnd = digitsEnd(bytes, dayAt, end);
  const day = decimal(bytes, dayAt, dayEnd);
  if (day < 1 || day > 31 || bytes[dayEnd] !== BLANK) return null;
  const early = yearAt(bytes, dayEnd + 1, end);
  const clock = clockTime(bytes, early === null ? dayEnd + 1 : early.end + 1, end);
  if (clock === null) return null;
  if (early !== null) return stampOf(early.year, month, day, clock, null);
  const after = bytes[clock.end] === BLANK ? yearAt(bytes, clock.end + 1, end) : null;
  // What follows may be a host, and its name 2001:db8::1.
  const late = after !== null && isStampEnd(bytes, after.end, end) ? after : null;
  const year = late?.year ?? nearestYear(month, day, reference);
  return stampOf(year, month, day, clock, null, late?.end ?? clock.end);
}

/** `2026 Nov 20 23:56:51` */
function yearMonthName(bytes: Buffer, at: number, end: number): Stamp | null {
  const year = yearAt(bytes, at, end);
  const month = year === null ? -1 : monthAt(bytes, year.end + 1, end);
  if (year === null || month < 0 || bytes[year.end] !== BLANK || bytes[year.end + 4] !== BLANK) return null;
  const dayAt = skipBlanks(bytes, year.end + 5, end);
  const dayEnd = digitsEnd(bytes, dayAt, end);
  const clock = clockTime(bytes, dayEnd + 1, end);
  if (clock === null || bytes[dayEnd] !== BLANK) return null;
  return stampOf(year.year, month, decimal(bytes, dayAt, dayEnd), clock, zoneAfter(bytes, clock.end, end));
}

/** `20/Nov/2026:23:56:51 +0000` (Proxmox VE, web servers), `20 Nov 2026 23:56:51 +0000` (RFC 5322). */
function dayMonthYear(bytes: Buffer, at: number, end: number): Stamp | null {
  const dayEnd = digitsEnd(bytes, at, end);
  const separator = bytes[dayEnd];
  const month = monthAt(bytes, dayEnd + 1, end);
  const year = yearAt(bytes, dayEnd + 5, end);
  const isSeparator = separator === SLASH || separator === BLANK || separator === MINUS;
  if (month < 0 || year === null || !isSeparator || bytes[dayEnd + 4] !== separator) return null;
  if (bytes[year.end] !== COLON && bytes[year.end] !== BLANK) return null;
  const clock = clockTime(bytes, year.end + 1, end);
  if (clock === null) return null;
  return stampOf(year.year, month, decimal(bytes, at, dayEnd), clock, zoneAfter(bytes, clock.end, end));
}

/** `[Nov20 23:56]`, as dmesg -H prints for the first line of a minute; the first byte is that of the month. */
export function readMinute(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  const month = monthAt(bytes, at, end);
  const dayAt = skipBlanks(bytes, at + 3, end);
  const dayEnd = digitsEnd(bytes, dayAt, end);
  const [hours, minutes] = [decimal(bytes, dayEnd + 1, dayEnd + 3), decimal(bytes, dayEnd + 4, dayEnd + 6)];
  const isTime = bytes[dayEnd] === BLANK && bytes[dayEnd + 3] === COLON && dayEnd + 6 <= end;
  if (month < 0 || !isTime || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return null;
  const day = decimal(bytes, dayAt, dayEnd);
  const clock = { us: (hours * 60 + minutes) * US_PER_MINUTE, fractionDigits: 0, end: dayEnd + 6 };
  return stampOf(nearestYear(month, day, reference), month, day, clock, null);
}

/** `20261120235651`, which names no zone: date-mysql of rsyslog. */
export function readCompactDate(bytes: Buffer, at: number, end: number): Stamp | null {
  if (digitsEnd(bytes, at, end) !== at + 14 || !isFieldEnd(bytes, at + 14, end)) return null;
  const [hours, minutes, seconds] = [8, 10, 12].map((from) => decimal(bytes, at + from, at + from + 2));
  const us = timeOfDay(hours ?? -1, minutes ?? -1, seconds ?? -1);
  const month = decimal(bytes, at + 4, at + 6);
  if (us < 0 || month < 1 || month > 12) return null;
  const clock = { us, fractionDigits: 0, end: at + 14 };
  return stampOf(decimal(bytes, at, at + 4), month - 1, decimal(bytes, at + 6, at + 8), clock, null);
}

function stampOf(
  year: number,
  month: number,
  day: number,
  clock: Clock,
  zone: Zone | null,
  end = zone?.end ?? clock.end,
): Stamp | null {
  if (year < FIRST_YEAR || year > LAST_YEAR || day < 1 || day > 31) return null;
  const offsetUs = zone?.us ?? null;
  const time = Date.UTC(year, month, day) * US_PER_MS + clock.us - (offsetUs ?? 0);
  return { time, wholeSecond: clock.fractionDigits === 0, hasZone: offsetUs !== null, end };
}

function monthAt(bytes: Buffer, at: number, end: number): number {
  return MONTHS.findIndex((name) => standsAt(bytes, name, at, end));
}

/** A stamp may stand in brackets, or have a colon behind it. */
function isStampEnd(bytes: Buffer, at: number, end: number): boolean {
  if (isFieldEnd(bytes, at, end) || bytes[at] === CLOSE) return true;
  return bytes[at] === COLON && isFieldEnd(bytes, at + 1, end);
}

/** Four digits and no more. */
function yearAt(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly year: number; readonly end: number } | null {
  if (at >= end || digitsEnd(bytes, at, end) !== at + 4) return null;
  return { year: decimal(bytes, at, at + 4), end: at + 4 };
}

/** `23:56:51` and whatever follows of the second. */
function clockTime(bytes: Buffer, at: number, end: number): Clock | null {
  if (at + 8 > end || bytes[at + 2] !== COLON || bytes[at + 5] !== COLON) return null;
  const us = timeOfDay(
    decimal(bytes, at, at + 2),
    decimal(bytes, at + 3, at + 5),
    decimal(bytes, at + 6, at + 8),
  );
  if (us < 0) return null;
  const isFraction = (bytes[at + 8] === DOT || bytes[at + 8] === COMMA) && isDigit(bytes[at + 9]);
  if (!isFraction) return { us, fractionDigits: 0, end: at + 8 };
  const fractionEnd = digitsEnd(bytes, at + 9, end);
  return {
    us: us + fractionUs(bytes, at + 9, fractionEnd),
    fractionDigits: fractionEnd - at - 9,
    end: fractionEnd,
  };
}

function timeOfDay(hours: number, minutes: number, seconds: number): number {
  // A leap second is written as 60.
  const isTime = hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59 && seconds >= 0 && seconds <= 60;
  return isTime ? ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND : -1;
}

/** The digits after the point of a second, in whole microseconds. */
export function fractionUs(bytes: Buffer, at: number, end: number): number {
  const digits = Math.min(end - at, FRACTION_DIGITS);
  return digits === 0 ? 0 : decimal(bytes, at, at + digits) * 10 ** (FRACTION_DIGITS - digits);
}

/** The year that brings a day nearest to the reference. */
function nearestYear(month: number, day: number, reference: Micros): number {
  const referenceMs = reference / US_PER_MS;
  const year = new Date(referenceMs).getUTCFullYear();
  let [nearest, least] = [year, Number.POSITIVE_INFINITY];
  for (const candidate of [year, year - 1, year + 1]) {
    const noonMs = Date.UTC(candidate, month, day, 12);
    const distance = Math.abs(noonMs - referenceMs);
    // Few years have a 29 February.
    if (distance >= least || new Date(noonMs).getUTCMonth() !== month) continue;
    [nearest, least] = [candidate, distance];
  }
  return nearest;
}
