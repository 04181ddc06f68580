/** Reads the time zone after the time of a log line. */

import { US_PER_SECOND } from '../model.ts';
import { BLANK, decimal, digitsEnd, isFieldEnd, standsAt } from './bytes.ts';

export interface Zone {
  /** How far the zone is ahead of UTC; null for a zone that only has a name, which is that of the writer. */
  readonly us: number | null;
  /** The offset of the first byte after the zone. */
  readonly end: number;
}

const US_PER_MINUTE = 60 * US_PER_SECOND;
const [PLUS, MINUS, COLON] = [0x2b, 0x2d, 0x3a];
const [UPPER_A, UPPER_Z, LOWER_A, LOWER_Z] = [0x41, 0x5a, 0x61, 0x7a];
/** Names of zones have three letters or more (POSIX), and none in use has more than five. */
const [SHORTEST_NAME, LONGEST_NAME] = [3, 5];

/** `Z`, `+01:00`, `+0100` or `+01` right after the time or one blank further, or ` UTC`; null where there is none. */
export function zoneAfter(bytes: Buffer, at: number, end: number): Zone | null {
  if (standsAt(bytes, 'Z', at, end)) return { us: 0, end: at + 1 };
  if (bytes[at] !== BLANK) return offsetAt(bytes, at, end);
  const apart = universal(bytes, at + 1, end) ?? offsetAt(bytes, at + 1, end);
  return apart !== null && isZoneEnd(bytes, apart.end, end) ? apart : null;
}

/**
 * A word with the name of a zone, as journalctl prints it: `CET`, or `-03` where it has no letters. It is the local
 * zone of the machine that printed it, and names of zones are not unique, so it is taken as local time.
 */
export function zoneName(bytes: Buffer, at: number, end: number): Zone | null {
  if (bytes[at] !== BLANK) return null;
  const known = universal(bytes, at + 1, end);
  if (known !== null && isFieldEnd(bytes, known.end, end)) return known;
  const nameEnd = Math.max(lettersEnd(bytes, at + 1, end), offsetAt(bytes, at + 1, end)?.end ?? 0);
  return nameEnd > 0 && isFieldEnd(bytes, nameEnd, end) ? { us: null, end: nameEnd } : null;
}

function universal(bytes: Buffer, at: number, end: number): Zone | null {
  return standsAt(bytes, 'UTC', at, end) || standsAt(bytes, 'GMT', at, end) ? { us: 0, end: at + 3 } : null;
}

function lettersEnd(bytes: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && isLetter(bytes[place])) place++;
  const length = place - at;
  return length >= SHORTEST_NAME && length <= LONGEST_NAME && isUpper(bytes[at]) ? place : 0;
}

function offsetAt(bytes: Buffer, at: number, end: number): Zone | null {
  const sign = bytes[at];
  if ((sign !== PLUS && sign !== MINUS) || at >= end) return null;
  const hours = decimal(bytes, at + 1, at + 3);
  if (hours < 0 || hours > 23 || at + 3 > end) return null;
  const isApart = bytes[at + 3] === COLON;
  const minutesAt = isApart ? at + 4 : at + 3;
  const minutesEnd = digitsEnd(bytes, minutesAt, end);
  const minutes = minutesEnd === minutesAt + 2 ? decimal(bytes, minutesAt, minutesEnd) : 0;
  const isHourAlone = !isApart && minutesEnd === minutesAt;
  if ((!isHourAlone && minutesEnd !== minutesAt + 2) || minutes > 59) return null;
  const us = (hours * 60 + minutes) * US_PER_MINUTE;
  return { us: sign === MINUS ? -us : us, end: minutesEnd };
}

/** A stamp may stand in brackets. */
function isZoneEnd(bytes: Buffer, at: number, end: number): boolean {
  return isFieldEnd(bytes, at, end) || bytes[at] === 0x5d;
}

function isLetter(byte: number | undefined): boolean {
  return isUpper(byte) || (byte !== undefined && byte >= LOWER_A && byte <= LOWER_Z);
}

function isUpper(byte: number | undefined): boolean {
  return byte !== undefined && byte >= UPPER_A && byte <= UPPER_Z;
}
