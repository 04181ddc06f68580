/** A log that is followed from its end -> the packets that it has shown since. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { LogConfig } from '../config/schema.ts';
import { openLines } from '../line/source.ts';
import type { Log } from '../log.ts';
import type { Micros, Packet } from '../model.ts';
import { AnyPrefixScan } from '../packet/any-prefix.ts';
import { LogReader, nameOf } from '../reader.ts';
import type { Io } from './io.ts';

const POLL_MS = 10;
/** A journalctl that has much to look through takes some time to start. */
const START_LIMIT_MS = 10_000;
const MUTE: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface Heard {
  readonly packet: Packet;
  readonly readAt: Micros;
}

/** Reads one log for as long as the signal lets it. */
export class Listener {
  readonly name: string;
  readonly heard: Heard[] = [];
  #isAtEnd = false;
  #trouble: unknown = null;

  private constructor(name: string) {
    this.name = name;
  }

  /** What the daemon would count of this log. */
  static toLog(log: LogConfig, { stdin }: Pick<Io, 'stdin'>, signal: AbortSignal): Listener {
    const listener = new Listener(nameOf(log));
    const reader = new LogReader(log, {
      openLines: (place, how) => openLines(place, { stdin, ...how }),
      openPosition: () => null,
      notes: null,
      log: MUTE,
    });
    signal.addEventListener('abort', () => reader.end());
    const events = {
      packet: (packet: Packet, readAt: Micros) => listener.heard.push({ packet, readAt }),
      read: () => undefined,
      drained: () => {
        listener.#isAtEnd = true;
      },
    };
    listener.#settle(reader.run(events, false, () => false));
    return listener;
  }

  /** What the kernel itself logs, with whatever prefix. */
  static toKernel({ stdin }: Pick<Io, 'stdin'>, signal: AbortSignal): Listener {
    const listener = new Listener('kmsg');
    listener.#settle(listener.#hearKernel(stdin, signal));
    return listener;
  }

  /** Why it could not be read; null where it can, as far as is known. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Resolves when its end is reached, or cannot be. */
  async atEnd(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!this.#isAtEnd && this.#trouble === null && performance.now() < deadline) await pause(signal);
  }

  async #hearKernel(stdin: Io['stdin'], signal: AbortSignal): Promise<void> {
    const scan = new AnyPrefixScan();
    for await (const event of openLines({ from: 'kmsg', path: '' }, { stdin, signal })) {
      if (event.kind === 'drained') this.#isAtEnd = true;
      if (event.kind !== 'lines') continue;
      const { bytes, readAt } = event;
      scan.scan(bytes, readAt, (packet) => this.heard.push({ packet, readAt }));
    }
  }

  #settle(reading: Promise<void>): void {
    reading.catch((error: unknown) => {
      this.#trouble = error;
    });
  }
}

/** A moment, shorter where the signal aborts. */
export async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
}
