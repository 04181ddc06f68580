/** Reads the packets of recorded logs, named in any order, the oldest log first. */

import { stat } from 'node:fs/promises';
import type { LogConfig } from '../config/schema.ts';
import type { Io } from '../lib/io.ts';
import type { Micros, Packet } from '../model.ts';
import { AnyPrefixScan } from '../packet/any-prefix.ts';
import { PacketScan } from '../packet/scan.ts';
import { readLog } from '../source/stream.ts';

/** What counts: the lines of one prefix, or with null those of any. */
export interface Wanted extends Pick<LogConfig, 'format' | 'hosts' | 'timezone'> {
  readonly prefix: string | null;
}

/** Where the logs of one machine follow each other, as those that logrotate has left, a knock may begin in one and end in the next. */
export class RecordedLogs {
  readonly #wanted: Wanted;
  readonly #io: Io;
  readonly #scan: PacketScan | AnyPrefixScan;
  #isEmpty = true;

  constructor(wanted: Wanted, io: Io) {
    this.#wanted = wanted;
    this.#io = io;
    this.#scan = this.#newScan();
  }

  get counts(): { readonly trusted: number; readonly untrusted: number } {
    return this.#scan.counts;
  }

  /** Whether they have brought no line at all. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** @throws KnocktailError as `readLog` */
  async read(paths: readonly string[], accept: (packet: Packet) => void): Promise<void> {
    for (const path of await this.#inOrder(paths)) {
      for await (const event of readLog(path, this.#io)) {
        if (event.kind === 'notice') this.#io.stderr.write(`${event.text}\n`);
        if (event.kind !== 'lines') continue;
        this.#isEmpty = false;
        this.#scan.scan(event.bytes, event.readAt, accept, event.bootedAt);
      }
    }
  }

  /** By their first packets: a shell sorts kern.log ahead of kern.log.1. What cannot be read twice comes last. */
  async #inOrder(paths: readonly string[]): Promise<readonly string[]> {
    if (paths.length === 1) return paths;
    const begun: { readonly path: string; readonly at: Micros }[] = [];
    for (const path of paths) begun.push({ path, at: await this.#beginOf(path) });
    return begun.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at)).map(({ path }) => path);
  }

  async #beginOf(path: string): Promise<Micros> {
    if (!(await canBeReadTwice(path))) return Number.POSITIVE_INFINITY;
    const scan = this.#newScan();
    for await (const event of readLog(path, this.#io)) {
      let first: Micros | null = null;
      if (event.kind === 'lines')
        scan.scan(event.bytes, event.readAt, ({ time }) => {
          first ??= time;
        });
      if (first !== null) return first;
    }
    return Number.NEGATIVE_INFINITY;
  }

  #newScan(): PacketScan | AnyPrefixScan {
    const { prefix, format } = this.#wanted;
    return prefix === null
      ? new AnyPrefixScan(format)
      : new PacketScan({ ...this.#wanted, prefix, live: false });
  }
}

/** A pipe cannot, such as stdin and what a shell makes of `<(zcat log.gz)`. Of what is not there, reading will tell. */
async function canBeReadTwice(path: string): Promise<boolean> {
  if (path === '-') return false;
  return await stat(path).then(
    (stats) => stats.isFile(),
    () => true,
  );
}
