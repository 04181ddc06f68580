/** Finds the log that explain, replay and parse read: the one that is named, what is piped in, or this host's since boot. */

import { EXIT, KnocktailError } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import type { LineEvent, Micros } from '../model.ts';
import { choose, type LogPlace } from '../source/auto.ts';
import { bootClock } from '../source/clock.ts';
import { readSinceBoot } from '../source/since-boot.ts';
import { readLog } from '../source/stream.ts';

export class RecordedLog {
  readonly name: string;
  /** Packets before this moment are of an earlier boot, and are passed over. */
  readonly since: Micros;
  readonly #open: () => AsyncIterable<LineEvent>;
  readonly #io: Pick<Io, 'stderr'>;
  #isEmpty = true;

  private constructor(
    name: string,
    io: Pick<Io, 'stderr'>,
    open: () => AsyncIterable<LineEvent>,
    since = Number.NEGATIVE_INFINITY,
  ) {
    this.name = name;
    this.#io = io;
    this.#open = open;
    this.since = since;
  }

  /**
   * @param path a log file, or - for stdin; undefined for what is piped in, or else the configured log
   * @param log the configured log
   * @throws KnocktailError 64 where there is nothing to read, 69 where `auto` finds no log
   */
  static async at(path: string | undefined, log: LogPlace, io: Io): Promise<RecordedLog> {
    const where = path ?? (io.isPiped ? '-' : undefined);
    if (where !== undefined) {
      // Nobody is to wait for what was not asked for.
      if (path === undefined) io.stderr.write('reading stdin\n');
      return new RecordedLog(where === '-' ? 'stdin' : where, io, () => readLog(where, io));
    }
    if (log.from === 'stdin') throw unnamed();
    const place = log.from === 'auto' ? { path: '', ...(await choose()) } : log;
    const name = titleOf(place);
    const by = [
      ...(log === ANY_LOG ? [] : ['the configured log']),
      ...(log.from === 'auto' ? ['chosen by auto'] : []),
    ];
    io.stderr.write(`${printable(`reading ${name} since boot (${by.join(', ')})`)}\n`);
    const since = place.from === 'file' ? bootClock() : undefined;
    return new RecordedLog(name, io, () => readSinceBoot(place, io), since);
  }

  /** All events but notices, which are told. */
  async *lines(): AsyncGenerator<Extract<LineEvent, { readonly kind: 'lines' }>, void, void> {
    for await (const event of this.#open()) {
      if (event.kind === 'notice') this.#io.stderr.write(`${event.text}\n`);
      if (event.kind !== 'lines') continue;
      this.#isEmpty &&= event.bytes.length === 0;
      yield event;
    }
  }

  /** Whether it has brought no line at all. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }
}

/** The log of a machine without a configuration. */
export const ANY_LOG: LogPlace = { from: 'auto', path: '' };

function titleOf(place: LogPlace): string {
  const titles = { kmsg: '/dev/kmsg', journal: 'the journal' };
  return place.from === 'kmsg' || place.from === 'journal' ? titles[place.from] : place.path;
}

function unnamed(): KnocktailError {
  return new KnocktailError('no log is named, and the configured one is stdin', {
    exitCode: EXIT.USAGE,
    remedy: 'name a log file, or pipe one in',
  });
}
