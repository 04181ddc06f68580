/** Reads times that are plain numbers: seconds since 1970, and the labels of svlogd, multilog and s6-log. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { decimal, digitsEnd, isDigit, isFieldEnd } from './bytes.ts';
import { fractionUs, type Stamp } from './calendar.ts';

const LAST_SECOND = Date.UTC(2254, 11, 31) / 1000;
/** Until the year 2286, and from 2001 on. */
const SECOND_DIGITS = 10;
const [DOT, AT, CLOSE] = [0x2e, 0x40, 0x5d];
/** `@`, eight bytes of seconds and four of nanoseconds in hexadecimal (https://cr.yp.to/libtai/tai64.html). */
const LABEL_DIGITS = 24;
const TAI_EPOCH = 2n ** 62n;
/** svlogd and multilog do without leap seconds; s6-log adds the 27 that there were since 1972. */
const [TAI_AHEAD, LEAP_SECONDS] = [10n, 27];
/** A stamp that is further ahead of the moment of reading has leap seconds in it. */
const AHEAD_US = 20 * US_PER_SECOND;

/** `1795220045` or `1795220045.821332`; null for any other number. */
export function readUnixSeconds(bytes: Buffer, at: number, end: number): Stamp | null {
  const point = digitsEnd(bytes, at, end);
  const seconds = decimal(bytes, at, point);
  const hasFraction = bytes[point] === DOT && isDigit(bytes[point + 1]) && point + 1 < end;
  const stampEnd = hasFraction ? digitsEnd(bytes, point + 1, end) : point;
  const isEnd = isFieldEnd(bytes, stampEnd, end) || bytes[stampEnd] === CLOSE;
  if (point - at !== SECOND_DIGITS || seconds > LAST_SECOND || !isEnd) return null;
  const time = seconds * US_PER_SECOND + (hasFraction ? fractionUs(bytes, point + 1, stampEnd) : 0);
  return { time, wholeSecond: !hasFraction, hasZone: true, end: stampEnd };
}

/** `@400000006b08f5052aa3c38c` */
export function readTai64n(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  const labelEnd = at + 1 + LABEL_DIGITS;
  if (bytes[at] !== AT || labelEnd > end || !isFieldEnd(bytes, labelEnd, end)) return null;
  const label = bytes.toString('latin1', at + 1, labelEnd);
  if (!/^4[0-9a-f]{23}$/.test(label)) return null;
  const seconds = Number(BigInt(`0x${label.slice(0, 16)}`) - TAI_EPOCH - TAI_AHEAD);
  const nanoseconds = Number.parseInt(label.slice(16), 16);
  if (seconds < 0 || seconds > LAST_SECOND || nanoseconds >= 1e9) return null;
  const time = seconds * US_PER_SECOND + Math.floor(nanoseconds / 1000);
  const leapUs = time > reference + AHEAD_US ? LEAP_SECONDS * US_PER_SECOND : 0;
  return { time: time - leapUs, wholeSecond: false, hasZone: true, end: labelEnd };
}
