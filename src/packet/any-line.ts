/** Reads the packet in a line of a log that only the firewall writes, whatever stands ahead of the prefix. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { type AnyLogHeader, readAnyHeader } from './any-header.ts';
import { BLANK, skipBlanks, standsAt, textEnd, textStart } from './bytes.ts';
import type { Stamps } from './clock.ts';
import type { HostClocks } from './host-clocks.ts';
import { hostOf, packetFrom, type Reading, spelled } from './line.ts';
import { LogBody } from './netfilter.ts';
import { readShipped, type Shipped } from './shipped.ts';
import { type LogHeader, readHeader } from './timestamp.ts';

export interface AnyReading extends Reading {
  /** Whether nothing in the line says that it was not written just now. */
  readonly isStampless: boolean;
}

/** Where a body stands, and what is ahead of it. */
interface Found {
  readonly prefixAt: number;
  /** Where stamps and the host end: at the prefix, or where that is not known, at the body. */
  readonly headerEnd: number;
  readonly at: number;
}

const [OPEN_BRACE, COMMA, QUOTE] = [0x7b, 0x2c, 0x22];
/** A shipper may wrap what another has wrapped. */
const DEEPEST = 3;
/** A line that was written in the minute of its stamp. */
const FRESH_US = 62 * US_PER_SECOND;
/** How long a program may take to print what is there already. */
const RECORD_US = US_PER_SECOND;
/** `[  +0.157500] ` of dmesg -H, and `[<    0.157500>] ` of --time-format delta. */
const DELTA = /\[(?: *\+|< *)(\d+\.\d{6})>?\] *$/;
const ESCAPE = 0x1b;
/** `ESC [ 32 m` (ECMA-48, 8.3.117); also `ESC [ K`, which grep --color=always writes. */
const COLOUR = new RegExp(`${String.fromCharCode(ESCAPE)}\\[[0-9;]*[mK]`, 'g');
const NOTHING_SHIPPED: Shipped = { messages: [], time: null, uptimeUs: null, host: '' };

export class AnyLines {
  /** The spellings of the prefix; null for lines with any. */
  readonly #prefixes: readonly Buffer[] | null;
  readonly #clocks: HostClocks;
  readonly #body = new LogBody();
  readonly #isPipe: boolean;
  #beganAt: Micros | null = null;
  /** The moment of the last line of dmesg -H. */
  #last: Micros | null = null;

  /**
   * @param prefix the --log-prefix that counts; null for any
   * @param isPipe whether the first lines may be a record of what was before: dmesg -w begins with the ring
   */
  constructor(prefix: Buffer | null, clocks: HostClocks, isPipe = false) {
    this.#isPipe = isPipe;
    const isAny = prefix === null || prefix.length === 0;
    this.#prefixes = isAny ? null : [prefix, spelled(prefix, { isKmsg: true })];
    this.#clocks = clocks;
  }

  /** Lines come at this moment, whatever they hold. */
  hear(readAt: Micros): void {
    this.#beganAt ??= readAt;
  }

  /** Null when the line holds no whole body behind the prefix, or what is left of two lines. */
  read(bytes: Buffer, start: number, end: number, readAt: Micros): AnyReading | null {
    return this.#unwrap(textOf(bytes.subarray(start, end)), NOTHING_SHIPPED, 0, readAt);
  }

  #unwrap(line: Buffer, outer: Shipped, depth: number, readAt: Micros): AnyReading | null {
    const brace = line.indexOf(OPEN_BRACE);
    if (brace < 0) return this.#read(line, outer, readAt);
    // An element of an array may be followed by a comma or the bracket.
    const text = line.toString('utf8', brace).replace(/[\s,\]]+$/, '');
    const inner = depth < DEEPEST ? readShipped(text, readAt) : null;
    if (inner === null) {
      const isCutJson = brace === 0 && /^\{\s*"/.test(text);
      return isCutJson ? null : this.#read(line, outer, readAt);
    }
    if (hasSource(line, brace)) return null;
    // What a syslog daemon has ahead of JSON is known of what is in it.
    const header = readAnyHeader(line, 0, brace, readAt);
    const around = { ...outer, time: timeOf(header) ?? outer.time, host: hostOf(line, header) || outer.host };
    for (const message of inner.messages) {
      const reading = this.#unwrap(textOf(message), within(around, inner), depth + 1, readAt);
      if (reading !== null) return reading;
    }
    return null;
  }

  #read(text: Buffer, shipped: Shipped, readAt: Micros): AnyReading | null {
    const line = unquoted(text);
    const body = this.#body;
    const found = this.#prefixes === null ? this.#anyBody(line, readAt) : firstBody(line, this.#prefixes);
    if (found === null || hasSource(line, found.headerEnd) || !body.read(line, found.at, line.length, true))
      return null;
    const own = readAnyHeader(line, 0, found.headerEnd, readAt);
    const header = this.#dated(line, { ...completed(own, shipped), end: found.prefixAt }, readAt);
    const host = hostOf(line, own) || shipped.host;
    const why = body.oddity ?? '';
    const clocks = why === '' ? this.#clocks : this.#clocks.aside;
    const packet = packetFrom(line, header, host, found.at, body, clocks, readAt);
    if (packet === null) return null;
    const isStampless =
      header.wall === null &&
      header.uptimeUs === null &&
      !(this.#isRecord(readAt) && deltaIn(line, header.end) !== null);
    return { packet, trusted: why === '', why, isStampless };
  }

  #isRecord(readAt: Micros): boolean {
    return this.#isPipe && readAt - (this.#beganAt ?? readAt) < RECORD_US;
  }

  #anyBody(line: Buffer, readAt: Micros): Found | null {
    for (let at = line.indexOf('IN='); at >= 0; at = line.indexOf('IN=', at + 1)) {
      if (!this.#body.read(line, at, line.length, true)) continue;
      const { end } = readHeader(line, 0, at, readAt);
      return { prefixAt: Math.min(end, at), headerEnd: at, at };
    }
    return null;
  }

  /**
   * `[Nov20 23:56] ` and `[  +0.157500] ` of dmesg -H say the minute, and how long after the line before, which need
   * not be one of ours. For lines that were written just now, the moment of reading says more.
   */
  #dated(line: Buffer, header: AnyLogHeader, readAt: Micros): LogHeader {
    const last = this.#last;
    const delta = header.wall === null && header.uptimeUs === null ? deltaIn(line, header.end) : null;
    this.#last = null;
    const since = header.isMinute && header.wall !== null ? this.#clocks.momentOf(header.wall, readAt) : last;
    if (since === null || (delta === null && !header.isMinute)) return header;
    const isFresh = !this.#isRecord(readAt) && readAt >= since && readAt - since < FRESH_US;
    const wall = isFresh ? readAt : since + (delta ?? 0);
    this.#last = wall;
    return { ...header, wall, hasZone: true };
  }
}

/** The host and the stamps of a line, whatever it holds. */
export function stampsOfAny(
  line: Buffer,
  readAt: Micros,
): { readonly host: string; readonly stamps: Stamps } {
  const text = textOf(line);
  const shipped = readShipped(text.toString('utf8'), readAt);
  if (shipped !== null)
    return {
      host: shipped.host,
      stamps: { wall: null, hasZone: false, ...shipped.time, uptimeUs: shipped.uptimeUs },
    };
  const header = readAnyHeader(text, 0, text.length, readAt);
  return { host: hostOf(text, header), stamps: header };
}

function deltaIn(line: Buffer, end: number): Micros | null {
  const delta = DELTA.exec(line.toString('latin1', 0, end));
  return delta === null ? null : Math.round(Number(delta[1]) * US_PER_SECOND);
}

/** Only the first prefix that a body follows: before a second one there is what is left of another line. */
function firstBody(line: Buffer, prefixes: readonly Buffer[]): Found | null {
  let first: Found | null = null;
  for (const prefix of prefixes) {
    for (let prefixAt = line.indexOf(prefix); prefixAt >= 0; prefixAt = line.indexOf(prefix, prefixAt + 1)) {
      // ulogd2 has a blank of its own there.
      const at = skipBlanks(line, prefixAt + prefix.length, line.length);
      if (!standsAt(line, 'IN=', at, line.length)) continue;
      if (first === null || prefixAt < first.prefixAt) first = { prefixAt, headerEnd: prefixAt, at };
      break;
    }
  }
  return first;
}

/** Without what ends a line, or is left of the line before, and without colours. */
function textOf(line: Buffer): Buffer {
  const plain = line.includes(ESCAPE) ? uncoloured(line) : line;
  const start = textStart(plain, 0, plain.length);
  return plain.subarray(start, textEnd(plain, start, plain.length));
}

/** dmesg and journalctl colour stamps and messages on a terminal, and wherever they are asked to. */
function uncoloured(line: Buffer): Buffer {
  return Buffer.from(line.toString('latin1').replace(COLOUR, ''), 'latin1');
}

/** Without the quote that closes a message: dmesg -J has a line for each field. */
function unquoted(line: Buffer): Buffer {
  const comma = line.at(-1) === COMMA ? line.length - 1 : line.length;
  return line[comma - 1] === QUOTE ? line.subarray(0, comma - 1) : line;
}

function timeOf({ wall, wholeSecond, hasZone }: LogHeader): Shipped['time'] {
  return wall === null ? null : { wall, wholeSecond, hasZone };
}

/** What is said nearer to the message counts first. */
function within(outer: Shipped, inner: Shipped): Shipped {
  return {
    messages: [],
    time: inner.time ?? outer.time,
    uptimeUs: inner.uptimeUs ?? outer.uptimeUs,
    host: inner.host || outer.host,
  };
}

/** What the line says itself counts before what the shipper does: it was written first. */
function completed(own: AnyLogHeader, shipped: Shipped): AnyLogHeader {
  return { ...own, ...(own.wall === null ? shipped.time : null), uptimeUs: own.uptimeUs ?? shipped.uptimeUs };
}

/** Whether something of another line's body stands ahead. */
function hasSource(line: Buffer, end: number): boolean {
  const at = line.subarray(0, end).indexOf('SRC=');
  return at === 0 || (at > 0 && line[at - 1] === BLANK);
}
