/** Follows a log from its end and collects the packets that appear in it. */

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogConfig } from '../config/schema.ts';
import { nameOf } from '../config/schema.ts';
import { LogReader } from '../daemon/log-reader.ts';
import { messageOf } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import type { LineEvent, LineSource, Micros, Packet } from '../model.ts';
import { AnyPrefixScan } from '../packet/any-prefix.ts';
import { openLines } from '../source/source.ts';
import type { Log } from '../telemetry/log.ts';

const POLL_MS = 10;
/** A journalctl that has much to look through takes some time to start. */
const START_LIMIT_MS = 10_000;

export interface Heard {
  readonly packet: Packet;
  readonly readAt: Micros;
}

export interface HowToListen extends Pick<Io, 'stdin' | 'signal'> {
  /** A flood need not be kept. */
  readonly isWanted: (packet: Packet) => boolean;
}

/** Reads one log for as long as the signal lets it. */
export class Listener {
  readonly name: string;
  readonly heard: Heard[] = [];
  readonly #isWanted: HowToListen['isWanted'];
  #isAtEnd = false;
  #trouble: string | null = null;

  private constructor(name: string, { isWanted }: HowToListen) {
    this.name = name;
    this.#isWanted = isWanted;
  }

  /** What the daemon would count of this log. */
  static toLog(log: LogConfig, how: HowToListen): Listener {
    const { stdin, signal } = how;
    const listener = new Listener(nameOf(log), how);
    const reader = new LogReader(log, {
      openLines: (place, rest) => withoutDoubts(openLines(place, { stdin, ...rest })),
      isUrgent: () => true,
      notes: null,
      hostName: hostname(),
      log: listener.#troubles(),
    });
    if (signal.aborted) reader.end();
    else signal.addEventListener('abort', () => reader.end());
    listener.#settle(listener.#follow(reader));
    return listener;
  }

  /** What the kernel itself logs, with whatever prefix. */
  static toKernel(how: HowToListen): Listener {
    const listener = new Listener('kmsg', how);
    listener.#settle(listener.#hearKernel(how));
    return listener;
  }

  /** Why it could not be read; null where it can, as far as is known. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Resolves when its end is reached, or cannot be. */
  async atEnd(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    const isDue = (): boolean => signal.aborted || performance.now() >= deadline;
    while (!this.#isAtEnd && this.#trouble === null && !isDue()) await pause(signal);
  }

  async #follow(reader: LogReader): Promise<void> {
    for await (const event of reader.events(false, () => false)) {
      if (event.kind === 'read') for (const packet of event.packets) this.#hear(packet, event.at);
      if (event.kind === 'drained') this.#isAtEnd = true;
    }
  }

  async #hearKernel({ stdin, signal }: HowToListen): Promise<void> {
    const scan = new AnyPrefixScan();
    for await (const event of openLines({ from: 'kmsg', path: '' }, { stdin, signal })) {
      if (event.kind === 'drained') this.#isAtEnd = true;
      if (event.kind !== 'lines') continue;
      const { bytes, readAt } = event;
      scan.scan(bytes, readAt, (packet) => this.#hear(packet, readAt));
    }
  }

  #hear(packet: Packet, readAt: Micros): void {
    if (this.#isWanted(packet)) this.heard.push({ packet, readAt });
  }

  /** What is told of a log before its end was reached keeps it from being read. */
  #troubles(): Log {
    const ignore = (): void => undefined;
    const warn = (text: string): void => {
      if (!this.#isAtEnd) this.#trouble ??= text;
    };
    return { debug: ignore, info: ignore, warn, error: ignore };
  }

  #settle(reading: Promise<void>): void {
    reading.catch((error: unknown) => {
      this.#trouble ??= messageOf(error);
    });
  }
}

/** Who else could write there is no trouble with reading it, and the doctor tells of that in a check of its own. */
async function* withoutDoubts(lines: LineSource): AsyncGenerator<LineEvent, void, void> {
  for await (const event of lines) if (event.kind !== 'notice' || event.isDoubt !== true) yield event;
}

/** A moment, shorter where the signal aborts. */
export async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
}
