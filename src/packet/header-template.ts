/** Recognises lines that begin as a line that was read with care did, in all but digits, up to the address of the client. */

import { type Micros, type Packet, US_PER_SECOND } from '../model.ts';
import { BLANK, isDigit } from './bytes.ts';
import type { Stamps } from './clock.ts';
import type { LogBody } from './netfilter.ts';
import type { LogHeader } from './timestamp.ts';

const [ZERO, NINE, DOT, COMMA, OPEN] = [0x30, 0x39, 0x2e, 0x2c, 0x5b];
const WORD_BYTES = 4;
/** Digits beyond these may differ; those of a priority, `<4>` or `4,`, say whether the kernel is speaking. */
const PRIORITY_BYTES = 4;
const KMSG_PRIORITY_BYTES = 2;
/** `MAC=` */
const MAC_KEY_BYTES = 4;
/** The time of day in the stamp of a logger, to the microsecond at most. */
const TIME_OF_DAY = /\d\d:(?<minutes>\d\d):(?<seconds>\d\d(?:\.\d{1,6})?)(?![.\d])/d;
const US_PER_MINUTE = 60 * US_PER_SECOND;
const US_PER_HOUR = 60 * US_PER_MINUTE;
const NONE = -1;
/** Whether a byte is one of a MAC header: a colon or a hexadecimal digit. */
const IS_MAC = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f:]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** A line that was read with care and believed: where its parts stand, and its packet. */
export interface LearnedLine {
  readonly start: number;
  readonly header: LogHeader;
  readonly uptimeUs: number;
  readonly body: LogBody;
  readonly packet: Packet;
}

/**
 * Compares four bytes at a time. Of a digit, the difference to `0` is at most 9: with 6 added to it, it still leaves the
 * upper half of the byte empty. Of any other byte the difference to itself is 0.
 */
export class HeaderTemplate {
  /** Up to the address of the client. */
  readonly length: number;
  /** Up to the prefix. */
  readonly headerLength: number;
  /** What all these lines have in common. */
  readonly packet: Pick<Packet, 'host' | 'prefix' | 'in' | 'out'>;
  /** The kernel's stamp of the last line of these, in microseconds. */
  uptimeUs: number;
  readonly #head: Buffer;
  readonly #words: Int32Array;
  readonly #sixes: Int32Array;
  readonly #masks: Int32Array;
  readonly #lastWord: number;
  readonly #macAt: number;
  readonly #macEnd: number;
  /** The seconds of the kernel's stamp. */
  readonly #uptimeAt: number;
  /** `03:05.821332` in the logger's stamp; -1 where it has no time of day that is understood. */
  #minutesAt = NONE;
  #secondsEnd = NONE;
  /** The header of the last line whose stamps were read with care, and when the hour of its logger's stamp began. */
  readonly #read: Buffer;
  #hour: Micros | null = null;
  #hasZone = false;
  readonly #isKmsg: boolean;

  /** @param uptimeAt where the seconds of the kernel's stamp stand in the line */
  private constructor(
    bytes: Buffer,
    { start, header, uptimeUs, body, packet }: LearnedLine,
    uptimeAt: number,
  ) {
    const head = Buffer.from(bytes.subarray(start, body.srcAt));
    this.length = head.length;
    this.headerLength = header.end - start;
    const { host, prefix, in: input, out } = packet;
    this.packet = { host, prefix, in: input, out };
    this.uptimeUs = uptimeUs;
    this.#uptimeAt = uptimeAt - start;
    this.#macAt = body.macAt - start;
    this.#macEnd = body.macEnd - start;
    const fixed = header.isKmsg ? KMSG_PRIORITY_BYTES : PRIORITY_BYTES;
    // The digits of a host's name are not free, as each host has a clock.
    const isFree = (index: number): boolean => {
      const at = start + index;
      const isHost = at >= header.hostAt && at < header.hostEnd;
      return index >= fixed && !isHost && at < header.end && isDigit(head[index]);
    };
    const pack = (of: (index: number) => number): Int32Array =>
      Int32Array.from(startsOf(head.length), (first) =>
        Buffer.from(Array.from({ length: WORD_BYTES }, (_, index) => of(first + index))).readInt32LE(),
      );
    this.#head = head;
    this.#words = pack((index) => (isFree(index) ? ZERO : (head[index] ?? 0)));
    this.#sixes = pack((index) => (isFree(index) ? 0x06 : 0));
    this.#masks = pack((index) => (isFree(index) ? 0xf0 : 0xff));
    this.#lastWord = head.readInt32LE(head.length - WORD_BYTES);
    this.#isKmsg = header.isKmsg;
    this.#read = Buffer.alloc(this.headerLength);
    const groups = TIME_OF_DAY.exec(head.toString('latin1', 0, this.#uptimeAt))?.indices?.groups;
    this.#minutesAt = groups?.['minutes']?.[0] ?? NONE;
    this.#secondsEnd = groups?.['seconds']?.[1] ?? NONE;
    this.readStamps(bytes, start, header);
  }

  /** Null where the kernel's stamp does not stand where one is expected. */
  static from(bytes: Buffer, line: LearnedLine): HeaderTemplate | null {
    const { start, header } = line;
    // `4,377,1024482935,-;` or `... kernel: [  133.315636] `
    const before = header.isKmsg
      ? bytes.indexOf(COMMA, bytes.indexOf(COMMA, start) + 1)
      : bytes.indexOf(OPEN, start);
    if (before < 0 || before >= header.end) return null;
    return new HeaderTemplate(bytes, line, before + 1);
  }

  /** Whether the line that begins at `start` begins like this. */
  fits(bytes: Buffer, view: DataView, start: number): boolean {
    const end = start + this.length;
    // Lines of other programs have something else there.
    if (end > bytes.length || view.getInt32(end - WORD_BYTES, true) !== this.#lastWord) return false;
    const [words, sixes, masks] = [this.#words, this.#sixes, this.#masks];
    const last = words.length - 1;
    for (let i = 0; i < last; i++) {
      const difference = view.getInt32(start + i * WORD_BYTES, true) ^ (words[i] as number);
      if (((difference | (difference + (sixes[i] as number))) & (masks[i] as number)) !== 0)
        return (i + 1) * WORD_BYTES > this.#macAt && this.#fitsButForMac(bytes, start);
    }
    return true;
  }

  /** Whether a line that fits up to its MAC header goes on like this: with another one, of a neighbour. */
  #fitsButForMac(bytes: Buffer, start: number): boolean {
    for (let i = this.#macAt - MAC_KEY_BYTES; i < this.length; i++) {
      const byte = bytes[start + i] as number;
      const isMac = i >= this.#macAt && i < this.#macEnd;
      if (isMac ? IS_MAC[byte] === 0 : byte !== this.#head[i]) return false;
    }
    return true;
  }

  /** The kernel's stamp of a line that fits, in microseconds: the point stands where it stood. */
  uptimeOf(bytes: Buffer, start: number): number {
    let us = 0;
    for (let i = start + this.#uptimeAt; ; i++) {
      const byte = bytes[i] as number;
      if (byte >= ZERO && byte <= NINE) us = us * 10 + (byte - ZERO);
      else if (byte !== BLANK && byte !== DOT) return us;
    }
  }

  /** Takes the stamps that were read with care of a line that fits. */
  readStamps(bytes: Buffer, start: number, { wall, hasZone }: LogHeader): void {
    this.#hour = null;
    this.#hasZone = hasZone;
    bytes.copy(this.#read, 0, start, start + this.headerLength);
    if (wall === null || this.#minutesAt < 0) return;
    const us = this.#timeInHour(bytes, start);
    // Zones are off by whole minutes.
    if (wall % US_PER_MINUTE === us % US_PER_MINUTE) this.#hour = wall - us;
  }

  /**
   * The stamps of a line that fits, where its logger's differs in minutes and seconds alone from the one that was read with
   * care last; null for any other.
   */
  stampsOf(bytes: Buffer, start: number, uptimeUs: number): Stamps | null {
    if (this.#isKmsg) return { wall: null, hasZone: false, uptimeUs };
    if (this.#hour === null) return null;
    for (let i = 0; i < this.#uptimeAt; i++) {
      const isTime = i >= this.#minutesAt && i < this.#secondsEnd;
      if (!isTime && bytes[start + i] !== this.#read[i]) return null;
    }
    const us = this.#timeInHour(bytes, start);
    return us < US_PER_HOUR ? { wall: this.#hour + us, hasZone: this.#hasZone, uptimeUs } : null;
  }

  /** `03:05.821332` in microseconds; an hour where it is no time. */
  #timeInHour(bytes: Buffer, start: number): Micros {
    const at = start + this.#minutesAt;
    const digit = (index: number): number => (bytes[at + index] as number) - ZERO;
    const minutes = digit(0) * 10 + digit(1);
    const seconds = digit(3) * 10 + digit(4);
    if (minutes >= 60 || seconds >= 60) return US_PER_HOUR;
    let us = minutes * US_PER_MINUTE + seconds * US_PER_SECOND;
    let unit = US_PER_SECOND / 10;
    for (let i = 6; this.#minutesAt + i < this.#secondsEnd; i++) {
      us += digit(i) * unit;
      unit /= 10;
    }
    return us;
  }
}

/** Where each word begins; the last one ends with the header, and may share bytes with the one before. */
function startsOf(length: number): number[] {
  const count = Math.ceil(length / WORD_BYTES);
  return Array.from({ length: count }, (_, index) => Math.min(index * WORD_BYTES, length - WORD_BYTES));
}
