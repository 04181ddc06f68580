/** Reads the packet in a line of a log that only the firewall writes, whatever stands ahead of the prefix. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { readAnyHeader } from './any-header.ts';
import { BLANK, skipBlanks, standsAt, textEnd, textStart } from './bytes.ts';
import type { HostClocks } from './host-clocks.ts';
import { hostOf, packetFrom, type Reading, spelled } from './line.ts';
import { Body } from './netfilter.ts';
import { readShipped, type Shipped } from './shipped.ts';
import { type Header, readHeader } from './timestamp.ts';

const OPEN_BRACE = 0x7b;
/** A shipper may wrap what another has wrapped. */
const DEEPEST = 3;
const NOTHING_SHIPPED: Shipped = { messages: [], time: null, uptimeUs: null, host: '' };

/** Where a body stands, and the prefix ahead of it. */
interface Found {
  readonly prefixAt: number;
  readonly at: number;
}

export class AnyLines {
  /** The spellings of the prefix; null for lines with any. */
  readonly #prefixes: readonly Buffer[] | null;
  readonly #body = new Body();
  /** The time of the last line, from which dmesg -H goes on. */
  #last: Micros | null = null;

  /** @param prefix the --log-prefix that counts; null for any */
  constructor(prefix: Buffer | null) {
    this.#prefixes =
      prefix === null || prefix.length === 0 ? null : [prefix, spelled(prefix, { isKmsg: true })];
  }

  /** Null when the line holds no whole body behind the prefix, or what is left of two lines. */
  read(bytes: Buffer, start: number, end: number, clocks: HostClocks, readAt: Micros): Reading | null {
    const from = textStart(bytes, start, end);
    return this.#unwrap(bytes, from, textEnd(bytes, from, end), NOTHING_SHIPPED, 0, clocks, readAt);
  }

  #unwrap(
    bytes: Buffer,
    start: number,
    end: number,
    outer: Shipped,
    depth: number,
    clocks: HostClocks,
    readAt: Micros,
  ): Reading | null {
    const brace = bytes.indexOf(OPEN_BRACE, start);
    if (brace < 0 || brace >= end) return this.#read(bytes, start, end, outer, clocks, readAt);
    // An element of an array may be followed by a comma or the bracket.
    const text = bytes.toString('utf8', brace, end).replace(/[\s,\]]+$/, '');
    const inner = depth < DEEPEST ? readShipped(text, readAt) : null;
    // JSON that is cut is no text.
    if (inner === null)
      return brace === start && /^\{\s*"/.test(text)
        ? null
        : this.#read(bytes, start, end, outer, clocks, readAt);
    const shipped = within(shippedBy(bytes, start, brace, outer, readAt), inner);
    for (const message of inner.messages) {
      const from = textStart(message, 0, message.length);
      const to = textEnd(message, from, message.length);
      const reading = this.#unwrap(message, from, to, shipped, depth + 1, clocks, readAt);
      if (reading !== null) return reading;
    }
    return null;
  }

  #read(
    bytes: Buffer,
    start: number,
    end: number,
    shipped: Shipped,
    clocks: HostClocks,
    readAt: Micros,
  ): Reading | null {
    const body = this.#body;
    const found =
      this.#prefixes === null ? this.#anyBody(bytes, start, end) : this.#bodyIn(bytes, start, end);
    if (found === null || !body.read(bytes, found.at, end, true)) return null;
    const why = body.oddity ?? '';
    const own = readAnyHeader(bytes, start, found.prefixAt, readAt);
    const [line, header] = completed(bytes.subarray(0, end), own, shipped);
    const timed =
      header.wall === null && header.uptimeUs === null ? this.#goOn(bytes, start, header) : header;
    const packet = packetFrom(
      line,
      timed,
      hostOf(line, timed),
      found.at,
      body,
      why === '' ? clocks : clocks.aside,
      readAt,
    );
    if (packet === null) return null;
    this.#last = timed.wall;
    return { packet, trusted: why === '', why };
  }

  /** Only the first prefix that a body follows: before a second one there is what is left of another line. */
  #bodyIn(bytes: Buffer, start: number, end: number): Found | null {
    let first: Found | null = null;
    for (const prefix of this.#prefixes ?? []) {
      let prefixAt = bytes.indexOf(prefix, start);
      for (; prefixAt >= 0 && prefixAt < end; prefixAt = bytes.indexOf(prefix, prefixAt + 1)) {
        // ulogd2 has a blank of its own there.
        const at = skipBlanks(bytes, prefixAt + prefix.length, end);
        if (!standsAt(bytes, 'IN=', at, end)) continue;
        if (first === null || prefixAt < first.prefixAt) first = { prefixAt, at };
        break;
      }
    }
    return first === null || hasSource(bytes, start, first.prefixAt) ? null : first;
  }

  #anyBody(bytes: Buffer, start: number, end: number): Found | null {
    for (let at = bytes.indexOf('IN=', start); at >= 0 && at < end; at = bytes.indexOf('IN=', at + 1)) {
      if (!this.#body.read(bytes, at, end, true)) continue;
      const prefixAt = Math.min(readHeader(bytes, start, at, 0).end, at);
      return hasSource(bytes, start, at) ? null : { prefixAt, at };
    }
    return null;
  }

  /** `[  +0.157500] `: dmesg -H says how long after the last line. */
  #goOn(bytes: Buffer, start: number, header: Header): Header {
    const delta = /\[ *\+(\d+\.\d{6})\] *$/.exec(bytes.toString('latin1', start, header.end));
    if (delta === null || this.#last === null) return header;
    return { ...header, wall: this.#last + Math.round(Number(delta[1]) * US_PER_SECOND), hasZone: false };
  }
}

/** What a syslog daemon has ahead of JSON is known of what is in it. */
function shippedBy(bytes: Buffer, start: number, end: number, outer: Shipped, readAt: Micros): Shipped {
  if (end === start) return outer;
  const { wall, wholeSecond, hasZone, hostAt, hostEnd } = readAnyHeader(bytes, start, end, readAt);
  const time = wall === null ? null : { wall, wholeSecond, hasZone };
  return within(outer, { messages: [], time, uptimeUs: null, host: bytes.toString('utf8', hostAt, hostEnd) });
}

/** What is said nearer to the message counts first. */
function within(outer: Shipped, inner: Shipped): Shipped {
  return {
    messages: inner.messages,
    time: inner.time ?? outer.time,
    uptimeUs: inner.uptimeUs ?? outer.uptimeUs,
    host: inner.host === '' ? outer.host : inner.host,
  };
}

/** The header with what the shipper knows besides; the name of the host is put behind the line, where it can be read like any other. */
function completed(line: Buffer, own: Header, shipped: Shipped): readonly [Buffer, Header] {
  const time = own.wall === null ? shipped.time : null;
  const header = { ...own, ...time, uptimeUs: own.uptimeUs ?? shipped.uptimeUs };
  if (own.hostEnd > own.hostAt || shipped.host === '') return [line, header];
  const host = Buffer.from(` ${shipped.host}`);
  const named = Buffer.concat([line, host]);
  return [named, { ...header, hostAt: line.length + 1, hostEnd: named.length }];
}

/** Whether something of another line's body stands there. */
function hasSource(bytes: Buffer, start: number, end: number): boolean {
  const at = bytes.indexOf('SRC=', start);
  return at >= 0 && at < end && (at === start || bytes[at - 1] === BLANK);
}
