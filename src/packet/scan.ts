/** Finds the kernel's packets with the right prefix in batches of lines. */

import { isSameHost } from '../lib/host-name.ts';
import { type LogFormat, type Micros, type Packet, type PacketNotes, UDP_PORTS } from '../model.ts';
import { AnyLines, stampsOfAny } from './any-line.ts';
import { LF, standsAt, textEnd, textStart } from './bytes.ts';
import type { ClockNotice, Stamps } from './clock.ts';
import type { ClockCounts } from './clock-reports.ts';
import { FastPath } from './fast-path.ts';
import type { HeaderTemplate } from './header-template.ts';
import { HostClocks } from './host-clocks.ts';
import { fastPacket, hostOf, packetFrom, readLine, spelled } from './line.ts';
import { LogBody } from './netfilter.ts';
import { readHeader } from './timestamp.ts';
import { readUlogdLine } from './ulogd.ts';

export interface ScanOptions {
  readonly prefix: string;
  /** Whether lines are read as they come, or from a record. */
  readonly live: boolean;
  /**
   * Who writes the log: the kernel among others; ulogd2 and nothing else; or only the firewall in any way, so that each
   * line with prefix and body is believed.
   */
  readonly format?: LogFormat;
  /** What this machine calls itself; null, as without it, where lines cannot be its own. */
  readonly ownName?: string | null;
  /** The zone of stamps that name none, as configured; null, as without it, for that of this process or as learned. */
  readonly timezone?: string | null;
  /** The hosts whose lines count, as configured; null, as without it, for every host's. A line may name none. */
  readonly hosts?: readonly string[] | null;
  /** Whether lines without any stamp are as new as their reading: those of a pipe. */
  readonly isPipe?: boolean;
  /** Who is asked before a packet is made of a line; without it, one is made of each. */
  readonly notes?: PacketNotes | null;
}

/** A packet; null for a line that is not believed; or one that is, and does not count here. */
type Read = Packet | 'ignored' | null;

const OPEN_BRACE = 0x7b;
const IN_BYTES = 3;
/** No shipper escapes letters, as it may the rest of a prefix and a body. */
const SOURCE = 'SRC';

/** The prefix is searched in the whole batch before lines are split: the lines of others cost next to nothing. */
export class PacketScan {
  /** Null where the log is not ulogd's. */
  readonly #ulogdPrefix: string | null;
  /** Null where not each line is believed. */
  readonly #anyLines: AnyLines | null;
  readonly #prefix: Buffer;
  readonly #escaped: Buffer;
  /** Whether both spellings are the same. */
  readonly #isPlain: boolean;
  /** Where each spelling was found last in these lines. */
  #plainAt = -1;
  #escapedAt = -1;
  readonly #clocks: HostClocks;
  readonly #body = new LogBody();
  readonly #fast = new FastPath();
  readonly #notes: PacketNotes | null;
  #trusted = 0;
  #lastTime: Micros | null = null;
  #untrusted = 0;
  #undated = 0;
  readonly #refusesUndated: boolean;
  readonly #isPipe: boolean;
  readonly #wantedHosts: readonly string[] | null;

  constructor({
    prefix,
    live,
    format = 'kernel',
    ownName = null,
    timezone = null,
    hosts = null,
    isPipe = false,
    notes = null,
  }: ScanOptions) {
    this.#ulogdPrefix = format === 'ulogd' ? prefix : null;
    this.#notes = notes;
    this.#prefix = Buffer.from(`${prefix}IN=`);
    this.#escaped = spelled(this.#prefix, { isKmsg: true });
    this.#isPlain = this.#escaped.equals(this.#prefix);
    this.#clocks = new HostClocks({ live, ownName, timezone });
    this.#anyLines = format === 'any' ? new AnyLines(Buffer.from(prefix), this.#clocks, isPipe) : null;
    this.#refusesUndated = live;
    this.#isPipe = isPipe;
    this.#wantedHosts = hosts;
  }

  /** How many lines carried the prefix ahead of a body, and were the kernel's or not. */
  get counts(): { readonly trusted: number; readonly untrusted: number } {
    return { trusted: this.#trusted, untrusted: this.#untrusted };
  }

  /** What is known of the clocks of hosts. */
  get clocks(): ClockCounts {
    return { disagreed: this.#clocks.disagreed, undated: this.#undated, hosts: this.#clocks.hosts };
  }

  /** What has happened to clocks of hosts since this was last asked. */
  takeNotices(): readonly ClockNotice[] {
    return this.#clocks.takeNotices();
  }

  /** Up to when time has passed at a host, as far as its lines agree. */
  passedAt(host: string): Micros {
    return this.#clocks.of(host).passedAt;
  }

  /**
   * When the first of these lines was written, by any program. Null for a line without a stamp, or with only the
   * kernel's, whose clock may have drifted.
   */
  timeOfFirst(bytes: Buffer, readAt: Micros): Micros | null {
    const lineEnd = bytes.indexOf(LF);
    return this.#timeOf(bytes, 0, lineEnd < 0 ? bytes.length : lineEnd, readAt, true);
  }

  /** When the last of these lines was written, by any program; null for a line without a stamp. */
  timeOfLast(bytes: Buffer, readAt: Micros): Micros | null {
    const end = bytes.at(-1) === LF ? bytes.length - 1 : bytes.length;
    return this.#timeOf(bytes, bytes.lastIndexOf(LF, end - 1) + 1, end, readAt, false);
  }

  #timeOf(bytes: Buffer, start: number, end: number, readAt: Micros, byWall: boolean): Micros | null {
    const { host, stamps } = this.#stampsOf(bytes, start, end, readAt);
    if (byWall && stamps.wall === null) return null;
    const { time, clock } = this.#clocks.aside.place(host, stamps, readAt);
    return clock === 'reading' ? null : time;
  }

  #stampsOf(
    bytes: Buffer,
    start: number,
    end: number,
    readAt: Micros,
  ): { readonly host: string; readonly stamps: Stamps } {
    if (this.#anyLines !== null || bytes[start] === OPEN_BRACE)
      return stampsOfAny(bytes.subarray(start, end), readAt);
    const stamps = readHeader(bytes, start, end, readAt);
    return { host: hostOf(bytes, stamps), stamps };
  }

  /** The time of the last line of the kernel's; null before the first. */
  get lastTime(): Micros | null {
    return this.#lastTime;
  }

  /**
   * @param bytes whole lines, each ending in LF
   * @param bootedAt when the machine booted whose log this is, by its clocks; null when that is not known
   */
  scan(
    bytes: Buffer,
    readAt: Micros,
    accept: (packet: Packet) => void,
    bootedAt: Micros | null = null,
  ): void {
    this.#clocks.booted(bootedAt);
    if (this.#ulogdPrefix !== null) {
      this.#scanUlogd(bytes, readAt, this.#ulogdPrefix, accept);
      return;
    }
    if (this.#anyLines !== null) {
      this.#scanAny(bytes, readAt, this.#anyLines, accept);
      return;
    }
    this.#fast.turn(bytes);
    this.#plainAt = this.#escapedAt = -1;
    for (let start = 0; start < bytes.length; ) {
      if (this.#takeFast(bytes, start, readAt, accept)) {
        start = this.#fast.end + 1;
        continue;
      }
      const at = this.#find(bytes, start);
      if (at < 0) return;
      const lineStart = bytes.lastIndexOf(LF, at) + 1;
      if (lineStart > start) {
        start = lineStart;
        continue;
      }
      const lineEnd = bytes.indexOf(LF, at);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      const packet = this.#read(bytes, start, end, readAt);
      if (packet !== null) accept(packet);
      start = end + 1;
    }
  }

  /** JSON has its prefix apart from the rest, so that each line is looked at. */
  #scanUlogd(bytes: Buffer, readAt: Micros, prefix: string, accept: (packet: Packet) => void): void {
    for (let start = 0, end = bytes.indexOf(LF); end >= 0; start = end + 1, end = bytes.indexOf(LF, start)) {
      const packet = readUlogdLine(bytes, start, end, prefix, this.#clocks, readAt);
      if (packet === null || !this.#isWanted(packet.host) || this.#isUndated(packet, false)) continue;
      this.#trusted++;
      this.#lastTime = packet.time;
      accept(packet);
    }
  }

  /** JSON may escape the prefix, so that lines are found by what every body holds. */
  #scanAny(bytes: Buffer, readAt: Micros, lines: AnyLines, accept: (packet: Packet) => void): void {
    lines.hear(readAt);
    for (let at = bytes.indexOf(SOURCE); at >= 0; ) {
      const start = bytes.lastIndexOf(LF, at) + 1;
      const lineEnd = bytes.indexOf(LF, at);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      const reading = lines.read(bytes, start, end, readAt);
      at = bytes.indexOf(SOURCE, end);
      if (reading?.trusted !== true) {
        if (reading !== null) this.#untrusted++;
        continue;
      }
      const { packet, isStampless } = reading;
      if (!this.#isWanted(packet.host) || this.#isUndated(packet, isStampless)) continue;
      this.#trusted++;
      this.#lastTime = packet.time;
      accept(packet);
    }
  }

  /** The first place from here on where a prefix stands directly ahead of a body, in either spelling; -1 where there is none. */
  #find(bytes: Buffer, from: number): number {
    if (from >= bytes.length) return -1;
    if (this.#isPlain) return bytes.indexOf(this.#prefix, from);
    // A spelling that is far away, or nowhere, is not looked for with each line.
    if (this.#plainAt < from) this.#plainAt = placeOf(bytes, this.#prefix, from);
    if (this.#escapedAt < from) this.#escapedAt = placeOf(bytes, this.#escaped, from);
    const at = Math.min(this.#plainAt, this.#escapedAt);
    return at < bytes.length ? at : -1;
  }

  /** Whether the line that begins at `start` could be read on the fast path; then all is done with it. */
  #takeFast(bytes: Buffer, start: number, readAt: Micros, accept: (packet: Packet) => void): boolean {
    const fast = this.#fast;
    const template = fast.read(start);
    if (template === null) return false;
    if (this.#isNoted(fast, template)) {
      this.#trusted++;
      return true;
    }
    const packet = this.#packetOf(fast, template, bytes, start, readAt);
    if (packet === null) return false;
    if (packet === 'ignored') return true;
    this.#lastTime = packet.time;
    this.#trusted++;
    accept(packet);
    return true;
  }

  /** Whether no more than a note has to be taken of a line. */
  #isNoted({ src, isUdp, dpt, uptimeUs }: FastPath, { packet: { host } }: HeaderTemplate): boolean {
    if (this.#notes === null) return false;
    const time = this.#clocks.of(host).ofUptime(uptimeUs);
    if (time === null) return false;
    this.#lastTime = time;
    return this.#notes.noted(host, src, isUdp ? UDP_PORTS | dpt : dpt, time);
  }

  /** The packet of a line that was read on the fast path; null where its header has to be read with care, and is not believed. */
  #packetOf(fast: FastPath, template: HeaderTemplate, bytes: Buffer, start: number, readAt: Micros): Read {
    let stamps = template.stampsOf(bytes, start, fast.uptimeUs);
    if (stamps === null) {
      const header = readHeader(bytes, start, fast.end, readAt);
      if (header.doubt !== null || header.end !== start + template.headerLength) return null;
      template.readStamps(bytes, start, header);
      stamps = header;
    }
    const moment = this.#clocks.place(template.packet.host, stamps, readAt);
    const packet = fastPacket(fast, template.packet, moment);
    return this.#isUndated(packet, isStampless(stamps)) ? 'ignored' : packet;
  }

  #isWanted(host: string): boolean {
    return host === '' || (this.#wantedHosts?.some((wanted) => isSameHost(wanted, host)) ?? true);
  }

  /** A line that nothing dates may be of any age, and a record of old knocks must open no door. */
  #isUndated({ clock }: Packet, isStampless: boolean): boolean {
    if (clock !== 'reading' || !this.#refusesUndated || (this.#isPipe && isStampless)) return false;
    this.#undated++;
    return true;
  }

  #read(bytes: Buffer, lineStart: number, lineEnd: number, readAt: Micros): Packet | null {
    const start = textStart(bytes, lineStart, lineEnd);
    const end = textEnd(bytes, start, lineEnd);
    const packet =
      bytes[start] === OPEN_BRACE
        ? this.#unwrap(bytes, start, end, readAt)
        : this.#walk(bytes, start, end, readAt);
    if (packet === null || packet === 'ignored') {
      if (packet === null) this.#untrusted++;
      return null;
    }
    this.#trusted++;
    return packet;
  }

  /** A line of JSON is rare enough for the long way. Where JSON escapes the prefix, it was not found at all. */
  #unwrap(bytes: Buffer, start: number, end: number, readAt: Micros): Read {
    const prefix = this.#prefix.subarray(0, this.#prefix.length - IN_BYTES);
    const reading = readLine(bytes, start, end, prefix, this.#clocks, readAt);
    if (reading?.trusted !== true) return null;
    if (!this.#isWanted(reading.packet.host) || this.#isUndated(reading.packet, false)) return 'ignored';
    return reading.packet;
  }

  #walk(bytes: Buffer, start: number, end: number, readAt: Micros): Read {
    const header = readHeader(bytes, start, end, readAt);
    const sought = header.isKmsg ? this.#escaped : this.#prefix;
    const at = header.end + sought.length - IN_BYTES;
    const isDue =
      standsAt(bytes, 'IN=', at, end) &&
      bytes.compare(sought, 0, sought.length, header.end, at + IN_BYTES) === 0;
    const body = this.#body;
    if (!isDue || header.doubt !== null || !body.read(bytes, at, end) || body.oddity !== null) return null;
    const host = hostOf(bytes, header);
    if (!this.#isWanted(host)) return 'ignored';
    const packet = packetFrom(bytes, header, host, at, body, this.#clocks, readAt);
    if (packet === null) return null;
    if (this.#isUndated(packet, isStampless(header))) return 'ignored';
    this.#lastTime = packet.time;
    if (header.uptimeUs !== null && packet.dpt !== null)
      this.#fast.learn({ start, header, uptimeUs: header.uptimeUs, body, packet });
    return packet;
  }
}

function placeOf(bytes: Buffer, word: Buffer, from: number): number {
  const at = bytes.indexOf(word, from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

function isStampless({ wall, uptimeUs }: Stamps): boolean {
  return wall === null && uptimeUs === null;
}
