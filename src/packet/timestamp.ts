/** What stands before a LOG body in a line -> its stamps, and whether the line is the kernel's. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { LOCAL_ZONE, type TimeZone } from '../time-zone.ts';
import { BLANK, decimal, digitsEnd, isDigit, skipBlanks, standsAt, wordEnd } from './bytes.ts';
import { readStamp, type Stamp } from './calendar.ts';

export interface Header {
  /** The wall clock's time of whoever wrote the line down. */
  readonly wall: Micros | null;
  readonly wholeSecond: boolean;
  /** Whether the line itself names the zone of `wall`; otherwise `wall` was read as local time. */
  readonly hasZone: boolean;
  /** Where the host name stands in the line; both are equal when the line names no host. */
  readonly hostAt: number;
  readonly hostEnd: number;
  /** The kernel's own stamp: microseconds since boot. */
  readonly uptimeUs: number | null;
  /** Why a daemon would not believe that the kernel wrote the line; null when it would. */
  readonly doubt: string | null;
  readonly isKmsg: boolean;
  /** The offset of the first byte after the header, where the prefix begins. */
  readonly end: number;
}

const NO_TAG = 'it has no kernel: tag';
const OTHER_TAG = 'its tag is not kernel:';
const OTHER_FACILITY = 'its facility is not that of the kernel';

const [OPEN, CLOSE, DOT, COMMA, SEMICOLON, COLON] = [0x5b, 0x5d, 0x2e, 0x2c, 0x3b, 0x3a];
/** printk prints microseconds. */
const UPTIME_DIGITS = 6;
const FACILITY_BITS = 3;
const NO_STAMP = { wall: null, wholeSecond: false, hasZone: false };

interface Host {
  readonly hostAt: number;
  readonly hostEnd: number;
}

const NO_HOST: Host = { hostAt: 0, hostEnd: 0 };

/** Reads the header of a line by position, left to right; every line has one, if only an empty one. */
export function readHeader(
  bytes: Buffer,
  start: number,
  end: number,
  reference: Micros,
  zone: TimeZone = LOCAL_ZONE,
): Header {
  return kmsgRecord(bytes, start, end) ?? syslogLine(bytes, start, end, reference, zone);
}

/** `4,377,1024482935,-;`, with more fields before the semicolon (Documentation/ABI/testing/dev-kmsg). */
function kmsgRecord(bytes: Buffer, start: number, end: number): Header | null {
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

function syslogLine(bytes: Buffer, start: number, end: number, reference: Micros, zone: TimeZone): Header {
  const priority = priorityAt(bytes, start, end);
  const at = priority?.end ?? start;
  const header = versionOne(bytes, at, end, reference, zone) ?? traditional(bytes, at, end, reference, zone);
  const isOther = priority !== null && priority.value >> FACILITY_BITS !== 0;
  return isOther && header.doubt === null ? { ...header, doubt: OTHER_FACILITY } : header;
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
function versionOne(
  bytes: Buffer,
  at: number,
  end: number,
  reference: Micros,
  zone: TimeZone,
): Header | null {
  if (!standsAt(bytes, '1 ', at, end)) return null;
  const stamp = readStamp(bytes, at + 2, end, reference, zone);
  if (stamp === null) return null;
  const host = stamp.end + 1;
  const hostEnd = wordEnd(bytes, host, end);
  const app = hostEnd + 1;
  const process = wordEnd(bytes, app, end) + 1;
  const message = wordEnd(bytes, process, end) + 1;
  const data = wordEnd(bytes, message, end) + 1;
  const isKernel = standsAt(bytes, 'kernel ', app, end) && standsAt(bytes, '- ', data, end);
  const body = isKernel ? data + 2 : Math.min(data, end);
  // RFC 5424, 6.2.4: `-` where the sender does not know its name.
  const isNamed = hostEnd > host && !standsAt(bytes, '- ', host, end);
  return withUptime(
    bytes,
    body,
    end,
    stamp,
    isKernel ? null : OTHER_TAG,
    isNamed ? { hostAt: host, hostEnd } : NO_HOST,
  );
}

/** All others: a stamp of some kind, a host, facility and severity, a tag, each where it is there. */
function traditional(bytes: Buffer, start: number, end: number, reference: Micros, zone: TimeZone): Header {
  const monotonic = uptimeAt(bytes, start, end);
  if (monotonic !== null) return afterMonotonic(bytes, monotonic, end);
  if (standsAt(bytes, 'kern ', start, end)) {
    // dmesg -x: `kern  :warn  : [   1.000000] `
    const level = bytes.indexOf(COLON, start);
    const stamps = level < 0 || level >= end ? -1 : bytes.indexOf(COLON, level + 1);
    if (stamps > 0 && stamps < end) return withUptime(bytes, stamps + 2, end, null, NO_TAG, NO_HOST);
  }
  const bracketed = bytes[start] === OPEN ? readStamp(bytes, start + 1, end, reference, zone) : null;
  // dmesg -T
  if (bracketed !== null && bytes[bracketed.end] === CLOSE) {
    return withUptime(bytes, bracketed.end + 2, end, bracketed, NO_TAG, NO_HOST);
  }
  const stamp = readStamp(bytes, start, end, reference, zone);
  const named = stamp === null ? start : skipBlanks(bytes, stamp.end, end);
  const tag = tagAt(bytes, named, end, stamp !== null);
  return withUptime(bytes, tag.end, end, stamp, tag.doubt, tag);
}

/** dmesg has the message behind the stamp; journalctl -o short-monotonic host and tag first. */
function afterMonotonic(bytes: Buffer, uptime: Uptime, end: number): Header {
  const tag = tagAt(bytes, uptime.end, end, true);
  const isKernel = tag.doubt === null;
  const { hostAt, hostEnd } = isKernel ? tag : NO_HOST;
  const at = isKernel ? tag.end : uptime.end;
  return { ...NO_STAMP, hostAt, hostEnd, uptimeUs: uptime.us, doubt: tag.doubt, isKmsg: false, end: at };
}

interface Tag extends Host {
  readonly doubt: string | null;
  /** Where the message begins; where the search began when there is no tag of the kernel. */
  readonly end: number;
}

/**
 * `HOST kernel: `, `HOST kern.warn kernel: ` (busybox), `kern.warn kernel: ` (OpenWrt). Only here is the tag
 * the logger's: further right the sender's text begins.
 */
function tagAt(bytes: Buffer, start: number, end: number, mayHaveHost: boolean): Tag {
  let at = start;
  let host = NO_HOST;
  if (mayHaveHost && !standsAt(bytes, 'kernel:', at, end) && !standsAt(bytes, 'kern.', at, end)) {
    const hostEnd = wordEnd(bytes, at, end);
    if (bytes[hostEnd - 1] === COLON) return { doubt: OTHER_TAG, end: start, ...NO_HOST };
    host = { hostAt: at, hostEnd };
    at = Math.min(hostEnd + 1, end);
  }
  if (standsAt(bytes, 'kern.', at, end)) at = Math.min(wordEnd(bytes, at, end) + 1, end);
  if (standsAt(bytes, 'kernel:', at, end)) {
    const message = at + 'kernel:'.length;
    return { doubt: null, end: bytes[message] === BLANK ? message + 1 : message, ...host };
  }
  const otherEnd = wordEnd(bytes, at, end);
  return { doubt: otherEnd < end && bytes[otherEnd - 1] === COLON ? OTHER_TAG : NO_TAG, end: start, ...host };
}

function withUptime(
  bytes: Buffer,
  at: number,
  end: number,
  stamp: Stamp | null,
  doubt: string | null,
  { hostAt, hostEnd }: Host,
): Header {
  const uptime = uptimeAt(bytes, at, end);
  return {
    wall: stamp?.time ?? null,
    wholeSecond: stamp?.wholeSecond ?? false,
    hasZone: stamp?.hasZone ?? false,
    hostAt,
    hostEnd,
    uptimeUs: uptime?.us ?? null,
    doubt,
    isKmsg: false,
    end: uptime?.end ?? Math.min(at, end),
  };
}

interface Uptime {
  readonly us: number;
  readonly end: number;
}

/** `[  133.315636] `, and with PRINTK_CALLER `[  147.444368][  T11] `. */
function uptimeAt(bytes: Buffer, at: number, end: number): Uptime | null {
  if (bytes[at] !== OPEN || at >= end) return null;
  const seconds = skipBlanks(bytes, at + 1, end);
  const point = digitsEnd(bytes, seconds, end);
  const close = digitsEnd(bytes, point + 1, end);
  if (bytes[point] !== DOT || bytes[close] !== CLOSE || close !== point + 1 + UPTIME_DIGITS || close >= end)
    return null;
  const whole = decimal(bytes, seconds, point);
  if (whole < 0) return null;
  const after = callerEnd(bytes, close + 1, end);
  const us = whole * US_PER_SECOND + decimal(bytes, point + 1, close);
  return { us, end: bytes[after] === BLANK && after < end ? after + 1 : after };
}

/** `[  T11]` of a thread or `[    C0]` of a CPU (kernel/printk/printk.c). */
function callerEnd(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] !== OPEN || at >= end) return at;
  const name = skipBlanks(bytes, at + 1, end);
  const isCaller = standsAt(bytes, 'T', name, end) || standsAt(bytes, 'C', name, end);
  const close = digitsEnd(bytes, name + 1, end);
  return isCaller && isDigit(bytes[name + 1]) && bytes[close] === CLOSE ? close + 1 : at;
}
