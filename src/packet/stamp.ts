/** Reads the stamp that begins at a place in a log line, in any spelling. */

import type { Micros } from '../model.ts';
import { isDigit } from './bytes.ts';
import { readCompactDate, readDate, type Stamp } from './calendar.ts';
import { readTai64n, readUnixSeconds } from './unix-time.ts';

/** @param reference what a stamp without a year is near to */
export function readStamp(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  return readDate(bytes, at, end, reference) ?? readNumber(bytes, at, end, reference);
}

/** A stamp that is a number, which in another place may be any other number. */
export function readNumber(bytes: Buffer, at: number, end: number, reference: Micros): Stamp | null {
  if (!isDigit(bytes[at])) return readTai64n(bytes, at, end, reference);
  return readUnixSeconds(bytes, at, end) ?? readCompactDate(bytes, at, end);
}
