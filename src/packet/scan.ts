/** Batches of lines -> the packets that count: the kernel's own, with the right prefix. */

import type { Micros, Packet } from '../model.ts';
import { LF, standsAt } from './bytes.ts';
import { BootClock } from './clock.ts';
import { packetFrom, readLine, spelled } from './line.ts';
import { Body } from './netfilter.ts';
import { readHeader } from './timestamp.ts';

export interface ScanOptions {
  readonly prefix: string;
  /** Whether lines are read as they come, or from a record. */
  readonly live: boolean;
  /** The wall time of boot, for lines that have the kernel's stamp alone. */
  readonly bootOffset?: Micros | null;
}

const OPEN_BRACE = 0x7b;
const IN_BYTES = 3;

/** The prefix is searched in the whole batch before lines are split: the lines of others cost next to nothing. */
export class PacketScan {
  readonly #prefix: Buffer;
  readonly #escaped: Buffer;
  readonly #clock: BootClock;
  readonly #body = new Body();
  #untrusted = 0;

  constructor({ prefix, live, bootOffset = null }: ScanOptions) {
    this.#prefix = Buffer.from(`${prefix}IN=`);
    this.#escaped = spelled(this.#prefix, { isKmsg: true });
    this.#clock = new BootClock({ live, bootOffset });
  }

  /** How many lines carried the prefix ahead of a body without being the kernel's. */
  get counts(): { readonly untrusted: number } {
    return { untrusted: this.#untrusted };
  }

  /** @param bytes whole lines, each ending in LF */
  scan(bytes: Buffer, readAt: Micros, accept: (packet: Packet) => void): void {
    for (let at = this.#find(bytes, 0); at >= 0; ) {
      const start = bytes.lastIndexOf(LF, at) + 1;
      const lineEnd = bytes.indexOf(LF, at);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      const packet = this.#read(bytes, start, end, readAt);
      if (packet !== null) accept(packet);
      at = this.#find(bytes, end + 1);
    }
  }

  /** The first place from here on where a prefix stands directly ahead of a body, in either spelling. */
  #find(bytes: Buffer, from: number): number {
    if (from >= bytes.length) return -1;
    const plain = bytes.indexOf(this.#prefix, from);
    if (this.#escaped.equals(this.#prefix)) return plain;
    const escaped = bytes.indexOf(this.#escaped, from);
    return plain < 0 || (escaped >= 0 && escaped < plain) ? escaped : plain;
  }

  #read(bytes: Buffer, start: number, end: number, readAt: Micros): Packet | null {
    const packet =
      bytes[start] === OPEN_BRACE
        ? this.#unwrap(bytes, start, end, readAt)
        : this.#walk(bytes, start, end, readAt);
    if (packet === null) this.#untrusted++;
    return packet;
  }

  /** A line of JSON is rare enough for the long way. Where JSON escapes the prefix, it was not found at all. */
  #unwrap(bytes: Buffer, start: number, end: number, readAt: Micros): Packet | null {
    const prefix = this.#prefix.subarray(0, this.#prefix.length - IN_BYTES);
    const reading = readLine(bytes, start, end, prefix, this.#clock, readAt);
    return reading?.trusted === true ? reading.packet : null;
  }

  #walk(bytes: Buffer, start: number, end: number, readAt: Micros): Packet | null {
    const header = readHeader(bytes, start, end, readAt);
    const sought = header.isKmsg ? this.#escaped : this.#prefix;
    const at = header.end + sought.length - IN_BYTES;
    const isDue =
      standsAt(bytes, 'IN=', at, end) &&
      bytes.compare(sought, 0, sought.length, header.end, at + IN_BYTES) === 0;
    return isDue && header.doubt === null && this.#body.read(bytes, at, end) && this.#body.oddity === null
      ? packetFrom(bytes, header, at, this.#body, this.#clock, readAt)
      : null;
  }
}
