/** Finds the stamps and the host in whatever a log has ahead of a prefix, by their looks. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { isDigit } from './bytes.ts';
import { readDate, readMinute, type Stamp } from './calendar.ts';
import { readNumber } from './stamp.ts';
import { type Host, NO_HOST } from './tag.ts';
import { type LogHeader, readKmsgHeader } from './timestamp.ts';
import { readUptime, type Uptime } from './uptime.ts';

const [OPEN, CLOSE, AT] = [0x5b, 0x5d, 0x40];
/** No kernel is up for 30 years, but that many seconds were since 1970. */
const LONGEST_UPTIME_US = 1e9 * US_PER_SECOND;
/** `kernel:`, `kernel[0]:`, `kernel` of RFC 5424, `kern.warn`, `user.warning`. */
const TAG = /:$|^kernel$|^kern\.|^[a-z0-9]+\.(?:emerg|alert|crit|err|warn|warning|notice|info|debug)$/;
const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:/@-]*$/;
/** A relay may write the host twice, or its own name ahead of it. More words than these are no hosts. */
const MOST_HOSTS = 3;

export interface AnyLogHeader extends LogHeader {
  /** Whether `wall` is known to the minute alone. */
  readonly isMinute: boolean;
}

/**
 * The header of a line in a log of which all is believed: the first stamp, the kernel's own stamp nearest to the
 * message, and of hosts the one nearest to the tag, which is where the line was made.
 *
 * @param end where the prefix begins
 */
export function readAnyHeader(bytes: Buffer, start: number, end: number, reference: Micros): AnyLogHeader {
  const record = readKmsgHeader(bytes, start, end);
  if (record !== null) return { ...record, doubt: null, isMinute: false, end };
  const dates = stampsIn(bytes, start, end, (at) => readDate(bytes, at, end, reference));
  const { first, lastEnd } =
    dates.first === null ? stampsIn(bytes, start, end, (at) => readNumber(bytes, at, end, reference)) : dates;
  const uptime = uptimeIn(bytes, start, end);
  const minute = first === null ? minuteIn(bytes, start, end, reference) : null;
  const stamp = first ?? minute;
  return {
    wall: stamp?.time ?? null,
    wholeSecond: stamp?.wholeSecond ?? false,
    hasZone: stamp?.hasZone ?? false,
    ...hostIn(bytes, lastEnd, end, uptime),
    uptimeUs: uptime?.us ?? null,
    doubt: null,
    isKmsg: false,
    isMinute: minute !== null,
    end,
  };
}

interface Stamps {
  readonly first: Stamp | null;
  /** Where the last of them ends; null without any. */
  readonly lastEnd: number | null;
}

/** Looks where a word, or a part of one, begins: stamps stand behind brackets, quotes and names of files. */
function stampsIn(bytes: Buffer, start: number, end: number, read: (at: number) => Stamp | null): Stamps {
  let first: Stamp | null = null;
  let lastEnd: number | null = null;
  for (let at = start; at < end; at++) {
    const isBegin = at === start || !isWordByte(bytes[at - 1]);
    const stamp = isBegin && (isWordByte(bytes[at]) || bytes[at] === AT) ? read(at) : null;
    if (stamp === null) continue;
    first ??= stamp;
    lastEnd = stamp.end;
    at = stamp.end - 1;
  }
  return { first, lastEnd };
}

/** `[Nov26 22:10]` of dmesg -H */
function minuteIn(bytes: Buffer, start: number, end: number, reference: Micros): Stamp | null {
  const open = bytes.indexOf(OPEN, start);
  const stamp = open < 0 || open >= end ? null : readMinute(bytes, open + 1, end, reference);
  return stamp !== null && bytes[stamp.end] === CLOSE ? stamp : null;
}

interface PlacedUptime extends Uptime {
  readonly at: number;
}

function uptimeIn(bytes: Buffer, start: number, end: number): PlacedUptime | null {
  for (let at = bytes.lastIndexOf(OPEN, end - 1); at >= start && end > start; ) {
    const uptime = readUptime(bytes, at, end);
    if (uptime !== null && uptime.us < LONGEST_UPTIME_US) return { ...uptime, at };
    if (at === 0) break;
    at = bytes.lastIndexOf(OPEN, at - 1);
  }
  return null;
}

/** Between the stamp and the tag. */
function hostIn(bytes: Buffer, stampEnd: number | null, end: number, uptime: PlacedUptime | null): Host {
  if (stampEnd === null && uptime === null) return NO_HOST;
  // journalctl -o short-monotonic has the kernel's stamp ahead of the host, others behind the tag.
  const isUptimeFirst = stampEnd === null;
  const from = stampEnd ?? uptime?.end ?? end;
  const to = isUptimeFirst || uptime === null ? end : Math.max(from, uptime.at);
  const text = bytes.toString('latin1', from, to);
  const hosts: Host[] = [];
  for (const { 0: word, index } of text.matchAll(/[^ \t]+/g)) {
    const isHost = HOST_NAME.test(word) && !TAG.test(word);
    if (!isHost) return hosts.at(hosts.length > MOST_HOSTS ? 0 : -1) ?? NO_HOST;
    hosts.push({ hostAt: from + index, hostEnd: from + index + word.length });
  }
  // Without a tag, only the first word can be known to be one.
  return isUptimeFirst ? NO_HOST : (hosts[0] ?? NO_HOST);
}

function isWordByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x7a);
}
