/** Finds the packets in batches of lines that are believed, whatever their prefix. */

import type { LogFormat, Micros, Packet } from '../model.ts';
import { LF } from './bytes.ts';
import { HostClocks } from './host-clocks.ts';
import { type LineReader, lineReader } from './line-reader.ts';

/** What no shipper escapes in a body; the JSON of ulogd2 has its fields apart. */
const NEEDLES = { kernel: 'SRC', any: 'SRC', ulogd: '' };

/** For a record; `scan.ts` is what a daemon believes. */
export class AnyPrefixScan {
  readonly #read: LineReader;
  readonly #needle: string;
  readonly #clocks = new HostClocks({ live: false });
  #trusted = 0;
  #untrusted = 0;

  constructor(format: LogFormat = 'kernel') {
    this.#read = lineReader(format, null, this.#clocks);
    this.#needle = NEEDLES[format];
  }

  /** How many lines held a body, and were believed or not. */
  get counts(): { readonly trusted: number; readonly untrusted: number } {
    return { trusted: this.#trusted, untrusted: this.#untrusted };
  }

  /**
   * @param bytes whole lines, each ending in LF
   * @param bootedAt when the machine booted that they are from, where that is known
   */
  scan(
    bytes: Buffer,
    readAt: Micros,
    accept: (packet: Packet) => void,
    bootedAt: Micros | null = null,
  ): void {
    this.#clocks.booted(bootedAt);
    for (let at = bytes.indexOf(this.#needle); at >= 0 && at < bytes.length; ) {
      const start = at === 0 ? 0 : bytes.lastIndexOf(LF, at - 1) + 1;
      const end = bytes.indexOf(LF, at);
      const reading = this.#read(bytes, start, end, readAt);
      if (reading?.trusted === true) {
        this.#trusted++;
        accept(reading.packet);
      } else if (reading !== null) this.#untrusted++;
      at = bytes.indexOf(this.#needle, end + 1);
    }
  }
}
