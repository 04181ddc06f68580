/** Reads what stands before a LOG body in a line: its stamps, its host, and whether the line is the kernel's. */

import type { Micros } from '../model.ts';
import { BLANK, decimal, digitsEnd, fieldEnd, skipBlanks, standsAt, wordEnd } from './bytes.ts';
import type { Stamp } from './calendar.ts';
import { readStamp } from './stamp.ts';
import { dataEnd, type Host, NO_HOST, NO_TAG, OTHER_TAG, readTag, type StampKind, type Tag } from './tag.ts';
import { readUnixSeconds } from './unix-time.ts';
import { readUptime, type Uptime } from './uptime.ts';

export interface LogHeader extends Host {
  /** The wall clock's time of the writer: a moment, or civil time as if that were UTC where no zone is named. */
  readonly wall: Micros | null;
  readonly wholeSecond: boolean;
  /** Whether the line itself names the zone of `wall`. */
  readonly hasZone: boolean;
  /** The kernel's own stamp: microseconds since boot. */
  readonly uptimeUs: number | null;
  /** Why a daemon would not believe that the kernel wrote the line; null when it would. */
  readonly doubt: string | null;
  readonly isKmsg: boolean;
  /** The offset of the first byte after the header, where the prefix begins. */
  readonly end: number;
}

const OTHER_FACILITY = 'its facility is not that of the kernel';

const [OPEN, CLOSE, DOT, COMMA, SEMICOLON, COLON] = [0x5b, 0x5d, 0x2e, 0x2c, 0x3b, 0x3a];
const [AT, LATIN_T, UNDERSCORE] = [0x40, 0x54, 0x5f];
const FACILITY_BITS = 3;
export const NO_STAMP = { wall: null, wholeSecond: false, hasZone: false };
/** The length of a frame of RFC 6587, which is at most that of a message. */
const COUNT_DIGITS = 6;
/** Of `2026-11-27T03:12:00.40712` of svlogd -ttt, and of `2026-11-27 03:12:00.407120000` of tai64nlocal. */
const [SVLOGD_LENGTH, TAI64NLOCAL_LENGTH] = [25, 29];

/** Reads the header of a line by position, left to right; every line has one, if only an empty one. */
export function readHeader(bytes: Buffer, start: number, end: number, reference: Micros): LogHeader {
  return readKmsgHeader(bytes, start, end) ?? syslogLine(bytes, start, end, reference);
}

/** `4,377,1024482935,-;`, with more fields before the semicolon (Documentation/ABI/testing/dev-kmsg). */
export function readKmsgHeader(bytes: Buffer, start: number, end: number): LogHeader | null {
  const priorityEnd = digitsEnd(bytes, start, end);
  const sequenceEnd = digitsEnd(bytes, priorityEnd + 1, end);
  const stampEnd = digitsEnd(bytes, sequenceEnd + 1, end);
  const priority = decimal(bytes, start, priorityEnd);
  const uptimeUs = decimal(bytes, sequenceEnd + 1, stampEnd);
  const commas = bytes[priorityEnd] === COMMA && bytes[sequenceEnd] === COMMA && bytes[stampEnd] === COMMA;
  if (priority < 0 || uptimeUs < 0 || !commas) return null;
  const semicolon = bytes.indexOf(SEMICOLON, stampEnd);
  if (semicolon < 0 || semicolon >= end || wordEnd(bytes, stampEnd, semicolon) !== semicolon) return null;
  const doubt = priority >> FACILITY_BITS === 0 ? null : OTHER_FACILITY;
  return { ...NO_STAMP, ...NO_HOST, uptimeUs, doubt, isKmsg: true, end: semicolon + 1 };
}

function syslogLine(bytes: Buffer, start: number, end: number, reference: Micros): LogHeader {
  const frame = frameAt(bytes, start, end);
  const priority = priorityAt(bytes, frame, end);
  const at = priority?.end ?? start;
  const header = versionOne(bytes, at, end, reference) ?? traditional(bytes, at, end, reference);
  const isOther = priority !== null && priority.value >> FACILITY_BITS !== 0;
  return isOther && header.doubt === null ? { ...header, doubt: OTHER_FACILITY } : header;
}

/** `289 <4>1 ...`: behind the number of bytes that RFC 6587 has ahead of a message. */
function frameAt(bytes: Buffer, start: number, end: number): number {
  const countEnd = digitsEnd(bytes, start, end);
  const isCount = countEnd > start && countEnd <= start + COUNT_DIGITS;
  return isCount && standsAt(bytes, ' <', countEnd, end) ? countEnd + 1 : start;
}

/** `<4>` */
function priorityAt(
  bytes: Buffer,
  at: number,
  end: number,
): { readonly value: number; readonly end: number } | null {
  const digits = digitsEnd(bytes, at + 1, end);
  const value = decimal(bytes, at + 1, digits);
  if (!standsAt(bytes, '<', at, end) || !standsAt(bytes, '>', digits, end) || value < 0 || value > 191)
    return null;
  return { value, end: digits + 1 };
}

/** RFC 5424: `1 STAMP HOST APP PROCID MSGID DATA MESSAGE`. */
function versionOne(bytes: Buffer, at: number, end: number, reference: Micros): LogHeader | null {
  if (!standsAt(bytes, '1 ', at, end)) return null;
  const stamp = readStamp(bytes, at + 2, end, reference);
  if (stamp === null) return null;
  const host = stamp.end + 1;
  const hostEnd = wordEnd(bytes, host, end);
  const app = hostEnd + 1;
  const process = wordEnd(bytes, app, end) + 1;
  const message = wordEnd(bytes, process, end) + 1;
  const data = wordEnd(bytes, message, end) + 1;
  const body = standsAt(bytes, 'kernel ', app, end) ? dataEnd(bytes, data, end) : -1;
  // RFC 5424, 6.2.4: `-` where the sender does not know its name.
  const isNamed = hostEnd > host && !standsAt(bytes, '- ', host, end);
  const doubt = body < 0 ? OTHER_TAG : null;
  const named = isNamed ? { hostAt: host, hostEnd } : NO_HOST;
  return withUptime(bytes, stamp, { doubt, end: body < 0 ? Math.min(data, end) : body, ...named }, end);
}

/** All others: a stamp of some kind, a host, facility and severity, a tag, each where it is there. */
function traditional(bytes: Buffer, start: number, end: number, reference: Micros): LogHeader {
  const monotonic = readUptime(bytes, start, end);
  if (monotonic !== null) return afterMonotonic(bytes, monotonic, end);
  const ring = ringAt(bytes, start, end);
  const bracketed = bytes[ring] === OPEN ? readStamp(bytes, ring + 1, end, reference) : null;
  const isBracketed = bracketed !== null && bytes[bracketed.end] === CLOSE;
  // dmesg -x, with -T or without
  if (ring > start) {
    const at = isBracketed ? bracketed.end + 2 : ring;
    return withUptime(bytes, isBracketed ? bracketed : null, { doubt: NO_TAG, end: at, ...NO_HOST }, end);
  }
  // logread -t without a date, or dmesg -T
  if (isBracketed) {
    const tag = readTag(bytes, Math.min(bracketed.end + 2, end), end, 'none');
    const isUnix = readUnixSeconds(bytes, start + 1, end) !== null;
    return withUptime(
      bytes,
      bracketed,
      isUnix ? tag : { ...tag, doubt: NO_TAG, end: bracketed.end + 2 },
      end,
    );
  }
  const stamp = readStamp(bytes, start, end, reference);
  if (stamp === null) return withUptime(bytes, null, readTag(bytes, start, end, 'none'), end);
  const after = fieldAt(bytes, stamp.end, end);
  const precise = bytes[after] === OPEN ? readUnixSeconds(bytes, after + 1, end) : null;
  // logread -t
  if (precise !== null && standsAt(bytes, '] ', precise.end, end))
    return withUptime(bytes, precise, readTag(bytes, precise.end + 2, end, 'none'), end);
  return withUptime(bytes, stamp, readTag(bytes, after, end, kindOf(bytes, start, stamp)), end);
}

/** Behind `kern  :warn  : ` of dmesg -x. */
function ringAt(bytes: Buffer, start: number, end: number): number {
  if (!standsAt(bytes, 'kern ', start, end)) return start;
  const level = bytes.indexOf(COLON, start);
  const stamps = level < 0 || level >= end ? -1 : bytes.indexOf(COLON, level + 1);
  return stamps > 0 && stamps < end ? Math.min(stamps + 2, end) : start;
}

function kindOf(bytes: Buffer, start: number, { end, hasZone }: Stamp): StampKind {
  const separator = bytes[start + 10];
  if (bytes[start] === AT || separator === UNDERSCORE) return 'supervised';
  if (separator !== LATIN_T && separator !== BLANK) return 'date';
  const isSupervised = end - start === (separator === LATIN_T ? SVLOGD_LENGTH : TAI64NLOCAL_LENGTH);
  if (isSupervised && bytes[start + 19] === DOT) return 'supervised';
  return separator === LATIN_T && hasZone ? 'full' : 'date';
}

/** Past blanks, or one tab. */
function fieldAt(bytes: Buffer, at: number, end: number): number {
  const blanks = skipBlanks(bytes, at, end);
  return blanks === at && at < end && fieldEnd(bytes, at, end) === at ? at + 1 : blanks;
}

/** dmesg has the message behind the stamp; journalctl -o short-monotonic host and tag first. */
function afterMonotonic(bytes: Buffer, uptime: Uptime, end: number): LogHeader {
  const tag = readTag(bytes, uptime.end, end, 'uptime');
  const isKernel = tag.doubt === null;
  const { hostAt, hostEnd } = isKernel ? tag : NO_HOST;
  const at = isKernel ? tag.end : uptime.end;
  return { ...NO_STAMP, hostAt, hostEnd, uptimeUs: uptime.us, doubt: tag.doubt, isKmsg: false, end: at };
}

function withUptime(bytes: Buffer, stamp: Stamp | null, tag: Tag, end: number): LogHeader {
  const uptime = readUptime(bytes, tag.end, end);
  return {
    wall: stamp?.time ?? null,
    wholeSecond: stamp?.wholeSecond ?? false,
    hasZone: stamp?.hasZone ?? false,
    hostAt: tag.hostAt,
    hostEnd: tag.hostEnd,
    uptimeUs: uptime?.us ?? null,
    doubt: tag.doubt,
    isKmsg: false,
    end: uptime?.end ?? Math.min(tag.end, end),
  };
}
