/** Batches of lines -> the packets in them that are the kernel's, whatever their prefix. */

import type { Micros, Packet } from '../model.ts';
import { LF } from './bytes.ts';
import { HostClocks } from './host-clocks.ts';
import { readLine } from './line.ts';

/** What every body begins with. */
const BODY = Buffer.from('IN=');

/** For a record; `scan.ts` is what a daemon believes. */
export class AnyPrefixScan {
  readonly #clocks = new HostClocks({ live: false });
  #trusted = 0;
  #untrusted = 0;

  /** How many lines held a body, and were the kernel's or not. */
  get counts(): { readonly trusted: number; readonly untrusted: number } {
    return { trusted: this.#trusted, untrusted: this.#untrusted };
  }

  /** @param bytes whole lines, each ending in LF */
  scan(bytes: Buffer, readAt: Micros, accept: (packet: Packet) => void): void {
    for (let at = bytes.indexOf(BODY); at >= 0; ) {
      const start = bytes.lastIndexOf(LF, at) + 1;
      const end = bytes.indexOf(LF, at);
      const reading = readLine(bytes, start, end, null, this.#clocks, readAt);
      if (reading?.trusted === true) {
        this.#trusted++;
        accept(reading.packet);
      } else if (reading !== null) this.#untrusted++;
      at = bytes.indexOf(BODY, end);
    }
  }
}
