/** Reads the stamp that begins at a place in a log line, in any spelling. */

import { isDigit } from './bytes.ts';
import { type Civil, readCompactDate, readDate, type Stamp } from './calendar.ts';
import { readTai64n, readUnixSeconds } from './unix-time.ts';

export function readStamp(bytes: Buffer, at: number, end: number, how: Civil): Stamp | null {
  return readDate(bytes, at, end, how) ?? readNumber(bytes, at, end, how);
}

/** A stamp that is a number, which in another place may be any other number. */
export function readNumber(bytes: Buffer, at: number, end: number, how: Civil): Stamp | null {
  if (!isDigit(bytes[at])) return readTai64n(bytes, at, end, how.reference);
  return readUnixSeconds(bytes, at, end) ?? readCompactDate(bytes, at, end, how);
}
