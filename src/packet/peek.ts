/** A line that looks like the last one -> its source and port, without reading all of it. */

import type { AddressNumbers } from '../model.ts';
import { BLANK, LF } from './bytes.ts';
import { Template } from './template.ts';

const [COMMA, DOT, EQUALS, OPEN, COLON] = [0x2c, 0x2e, 0x3d, 0x5b, 0x3a];
const [ZERO, NINE] = [0x30, 0x39];
const [S, R, C, D, P, T] = [0x53, 0x52, 0x43, 0x44, 0x50, 0x54];
const [LETTER_A, LETTER_F] = [0x61, 0x66];
/** The kernel writes an IPv6 address in full: eight groups of four digits (`%pI6` in lib/vsprintf.c). */
const IPV6_BYTES = 39;
const GROUP_BYTES = 5;
/** Digits beyond these may differ; those of a priority, `<4>` or `4,`, say whether the kernel is speaking. */
const PRIORITY_BYTES = 4;
const KMSG_PRIORITY_BYTES = 2;
/** How far a key may stand from where it stood in the last line. */
const SLACK_BYTES = 24;
/**
 * From the address of the source to the protocol there are at most 101 bytes, IP options aside, and at least 143 where
 * an ICMP error comes between, whose quoted packet is not to be taken for its own. Over IPv6 there are at most 130,
 * extension headers aside, and more than 250.
 */
const IPV4_HEADER_BYTES = 120;
const IPV6_HEADER_BYTES = 160;
const US_PER_SECOND = 1_000_000;
/** Stamps of lines that follow each other differ by less; more is a pause or a reboot, and read with care. */
const STRIDE_US = 60 * US_PER_SECOND;
const NONE = -1;
const [LFS, ONES, TOPS] = [0x0a0a0a0a, 0x01010101, 0x80808080];

/** Where things stand in a line that was read in full. */
export interface Learned {
  readonly start: number;
  /** Where its prefix begins. */
  readonly at: number;
  /** Where the address of its source stands. */
  readonly srcAt: number;
  /** The kernel's stamp; a line without one is no pattern. */
  readonly uptimeUs: number;
  readonly isKmsg: boolean;
  /** Where the name of its host stands: its digits are part of the pattern, as each host has a clock of its own. */
  readonly hostAt: number;
  readonly hostEnd: number;
}

/**
 * Lines of one log differ in digits and little else. Once one was read in full and believed, this tells of a line
 * whose header differs from that one in digits alone, and which has the words of a TCP or UDP packet where
 * they are due, from whom it is and to which port. Of any other it tells nothing, and it has to be read in full.
 */
export class Peek implements AddressNumbers {
  isIpv6 = false;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  isUdp = false;
  port = 0;
  /** The kernel's stamp, in microseconds since boot. */
  uptimeUs = Number.NaN;
  /** Where the line ends. */
  end = 0;
  /** Whether lines are records of /dev/kmsg. */
  isKmsg = false;
  /** The host whose lines these are. */
  readonly host: string;
  #template: Template | null = null;
  /** From the start of the header to the seconds of its stamp. */
  #uptimeAt = NONE;
  /** The same bytes as those that are looked at. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #srcDelta = 0;
  /**
   * From the end of the line: what follows a port differs less than what stands ahead of it, but for the protocol. The
   * distance of the last line, and that of the last line of the other protocol.
   */
  #dptDelta = 40;
  #otherDptDelta = 12;

  constructor(host: string) {
    this.host = host;
  }

  /**
   * Takes a line for its pattern.
   */
  learn(bytes: Buffer, { start, at, srcAt, uptimeUs, isKmsg, hostAt, hostEnd }: Learned): void {
    this.uptimeUs = uptimeUs;
    this.#srcDelta = srcAt - at;
    if (this.fits(start, at)) return;
    const header = Buffer.from(bytes.subarray(start, at));
    // `4,377,1024482935,-;` or `... kernel: [  133.315636] `
    this.#uptimeAt = (isKmsg ? header.indexOf(COMMA, header.indexOf(COMMA) + 1) : header.indexOf(OPEN)) + 1;
    const fixed = isKmsg ? KMSG_PRIORITY_BYTES : PRIORITY_BYTES;
    const isHost = (index: number): boolean => index >= hostAt - start && index < hostEnd - start;
    this.isKmsg = isKmsg;
    this.#template =
      this.#uptimeAt > 0 ? new Template(header, (index) => index < fixed || isHost(index)) : null;
  }

  /** Whether a line that begins at `start`, and whose prefix begins at `at`, has this pattern's header. */
  fits(start: number, at: number): boolean {
    return this.#template?.length === at - start && this.#template.fits(this.#view, start);
  }

  /** The lines that are looked at from here on. */
  turn(bytes: Buffer): void {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Where the prefix of the next line begins, if that line is like this one. */
  get next(): number {
    return this.end + 1 + (this.#template?.length ?? 0);
  }

  /** Whether the line whose prefix begins at `at` could be told from; its fields are then those of this object. */
  look(bytes: Buffer, at: number): boolean {
    const template = this.#template;
    if (template === null) return false;
    const start = at - template.length;
    if (start < 0 || (start > 0 && bytes[start - 1] !== LF) || !template.fits(this.#view, start))
      return false;
    const before = this.uptimeUs;
    if (!this.#readUptime(bytes, start + this.#uptimeAt) || Math.abs(this.uptimeUs - before) > STRIDE_US) {
      this.uptimeUs = before;
      return false;
    }
    this.end = this.#lineEnd(bytes, at);
    return this.end >= 0 && this.#readSource(bytes, at) && this.#readPort(bytes, at);
  }

  /** Four bytes at a time: calls of `indexOf` that have so little to do cost more. */
  #lineEnd(bytes: Buffer, from: number): number {
    const view = this.#view;
    let at = from;
    for (const last = bytes.length - 4; at <= last; at += 4) {
      const other = view.getInt32(at, true) ^ LFS;
      // Some byte of it is 0 (H. S. Warren, "Hacker's Delight", 6-1).
      if (((other - ONES) & ~other & TOPS) !== 0) break;
    }
    for (; at < bytes.length; at++) if (bytes[at] === LF) return at;
    return NONE;
  }

  /** `  133.315636]`: the point stands where it stood, since all but digits is the same. */
  #readUptime(bytes: Buffer, start: number): boolean {
    let us = 0;
    for (let i = start; ; i++) {
      const byte = bytes[i] as number;
      if (byte >= ZERO && byte <= NINE) us = us * 10 + (byte - ZERO);
      else if (byte !== BLANK && byte !== DOT) break;
    }
    this.uptimeUs = us;
    return us > 0;
  }

  /** ` SRC=192.0.2.7 `. No interface has a blank in its name, so that no other word can look like this one. */
  #readSource(bytes: Buffer, at: number): boolean {
    const found = this.#find(bytes, at, at + this.#srcDelta, S, R, C);
    if (found < 0) return false;
    this.#srcDelta = found - at;
    this.isIpv6 = bytes[found + GROUP_BYTES - 1] === COLON;
    return this.isIpv6 ? this.#readIpv6(bytes, found) : this.#readIpv4(bytes, found);
  }

  #readIpv4(bytes: Buffer, found: number): boolean {
    let address = 0;
    let dots = 0;
    let octet = NONE;
    for (let i = found; ; i++) {
      const byte = bytes[i] as number;
      if (byte >= ZERO && byte <= NINE) octet = (octet < 0 ? 0 : octet * 10) + (byte - ZERO);
      else if (octet < 0 || octet > 255) return false;
      else {
        address = (address << 8) | octet;
        octet = NONE;
        if (byte === BLANK) break;
        if (byte !== DOT || ++dots > 3) return false;
      }
    }
    this.a = address;
    this.b = this.c = this.d = 0;
    return dots === 3;
  }

  #readIpv6(bytes: Buffer, found: number): boolean {
    this.a = twoGroups(bytes, found);
    this.b = twoGroups(bytes, found + 2 * GROUP_BYTES);
    this.c = twoGroups(bytes, found + 4 * GROUP_BYTES);
    this.d = twoGroups(bytes, found + 6 * GROUP_BYTES);
    for (let place = found + GROUP_BYTES - 1; place < found + IPV6_BYTES; place += GROUP_BYTES)
      if (bytes[place] !== COLON) return false;
    return bytes[found + IPV6_BYTES] === BLANK && !Number.isNaN(this.a + this.b + this.c + this.d);
  }

  /** ` PROTO=TCP SPT=40000 DPT=7000 `, all of it: what stands in brackets is of an ICMP error, which knocks nowhere. */
  #readPort(bytes: Buffer, at: number): boolean {
    let found = this.#find(bytes, at, this.end - this.#dptDelta, D, P, T);
    if (found < 0) {
      found = this.#find(bytes, at, this.end - this.#otherDptDelta, D, P, T);
      if (found < 0) return false;
      this.#otherDptDelta = this.#dptDelta;
    }
    this.#dptDelta = this.end - found;
    let port = 0;
    let place = found;
    for (let byte = bytes[place] as number; byte >= ZERO && byte <= NINE; byte = bytes[++place] as number) {
      port = port * 10 + (byte - ZERO);
    }
    if (place === found || port > 65_535 || bytes[place] !== BLANK) return false;
    // Backwards: the digits of SPT, its name, and that of the protocol.
    let back = found - ' DPT='.length - 1;
    while ((bytes[back] as number) >= ZERO && (bytes[back] as number) <= NINE) back--;
    if (!endsWith(bytes, back, ' SPT=')) return false;
    back -= ' SPT='.length;
    const headerBytes = this.isIpv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
    if (back - (at + this.#srcDelta) > headerBytes) return false;
    this.isUdp = endsWith(bytes, back, ' PROTO=UDP');
    this.port = port;
    return this.isUdp || endsWith(bytes, back, ' PROTO=TCP');
  }

  /** Behind a key of three letters between a blank and `=`, at or near a place; -1 when it is not there. */
  #find(bytes: Buffer, start: number, due: number, a: number, b: number, c: number): number {
    if (due - 5 > start && due < this.end && isKey(bytes, due - 4, a, b, c)) return due;
    const to = Math.min(this.end, due + SLACK_BYTES) - 4;
    for (let i = Math.max(start, due - SLACK_BYTES) + 1; i < to; i++)
      if (isKey(bytes, i, a, b, c)) return i + 4;
    return NONE;
  }
}

/** Two groups of an IPv6 address, and the colon between; not a number unless all digits are hexadecimal, and small. */
function twoGroups(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + 2 * GROUP_BYTES - 1; i++) {
    const byte = bytes[i] as number;
    if (byte >= ZERO && byte <= NINE) number = (number << 4) | (byte - ZERO);
    else if (byte >= LETTER_A && byte <= LETTER_F) number = (number << 4) | (byte - LETTER_A + 10);
    else if (i !== at + GROUP_BYTES - 1) return Number.NaN;
  }
  return number;
}

function isKey(bytes: Buffer, i: number, a: number, b: number, c: number): boolean {
  return (
    bytes[i] === a &&
    bytes[i + 1] === b &&
    bytes[i + 2] === c &&
    bytes[i + 3] === EQUALS &&
    bytes[i - 1] === BLANK
  );
}

/** Whether a word ends at this place, the place included. */
function endsWith(bytes: Buffer, place: number, word: string): boolean {
  const start = place - word.length + 1;
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return false;
  return true;
}
