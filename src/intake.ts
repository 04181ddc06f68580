/** The logs of a configuration -> the packets that count, each once, in the order of their times. */

import type { Config, LogConfig } from './config/schema.ts';
import type { LogCounts } from './counts.ts';
import type { Micros, Packet } from './model.ts';
import { Merge } from './packet/merge.ts';
import { LogReader, type ReaderParts } from './reader.ts';

export interface IntakeParts extends ReaderParts {
  /** The wall clock. */
  readonly now: () => Micros;
  /** How far before what is in flight reading has to be taken up. */
  readonly windowUs: () => Micros;
  /** @param again it was acted on before, and only rebuilds attempts */
  readonly packet: (packet: Packet, from: { readAt: Micros; maxAgeUs: Micros; again: boolean }) => void;
  /** All that was written before this moment has been handed on, as far as is known. */
  readonly passed: (at: Micros) => void;
}

export class Intake {
  readonly #parts: IntakeParts;
  readonly #merge = new Merge<LogReader>();
  #readers: LogReader[] = [];
  #running = 0;
  #over: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null = null;
  #isCaughtUp = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Reads until it is ended, or all lines end.
   *
   * @throws KnocktailError when a log cannot be had, before all were read to their ends once
   */
  run(logs: Config['logs']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#over = { resolve, reject };
      this.#read(logs, true);
    });
  }

  /** Goes over to other logs. What is in both is read on. */
  change(logs: Config['logs']): void {
    if (this.#running > 0) this.#read(logs, false);
  }

  /** Saves how far all was read that was handed on. */
  save(): void {
    for (const reader of this.#readers) reader.save();
  }

  counts(): readonly LogCounts[] {
    return this.#readers.map((reader) => reader.counts());
  }

  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  #read(logs: Config['logs'], isStart: boolean): void {
    const before = this.#readers;
    const readerOf = (log: LogConfig): LogReader =>
      before.find((reader) => reader.reads(log)) ?? new LogReader(log, this.#parts);
    this.#readers = logs.map(readerOf);
    this.#merge.remember(Math.max(...logs.map(({ maxAgeUs }) => maxAgeUs)));
    logs.forEach((log, index) => {
      this.#readers[index]?.change(log, logs.length === 1);
    });
    for (const reader of this.#readers) if (!before.includes(reader)) this.#begin(reader, isStart);
    for (const reader of before) if (!this.#readers.includes(reader)) reader.end();
  }

  #begin(reader: LogReader, isStart: boolean): void {
    this.#merge.join(reader, this.#parts.now());
    const events = {
      packet: (packet: Packet, readAt: Micros, again: boolean) =>
        this.#merge.add({ log: reader, packet, readAt, again }),
      read: (readAt: Micros) => this.#handOn(readAt),
      drained: (at: Micros) => {
        this.#merge.drained(reader, at);
        this.#handOn(at);
        reader.tick(at);
        if (!this.#isCaughtUp && !this.#merge.isCaughtUp) return;
        this.#letPass(at);
        // What goes wrong before everything is ready ends the start.
        this.#isCaughtUp = true;
      },
      stalled: () => {
        if (this.#isCaughtUp) this.#letPass(this.#parts.now());
      },
    };
    this.#running++;
    reader
      .run(events, isStart, () => this.#isCaughtUp)
      .finally(() => this.#leave(reader))
      .then(
        () => {
          if (--this.#running === 0) this.#over?.resolve();
        },
        (error: unknown) => {
          this.end();
          this.#over?.reject(error);
        },
      );
  }

  /** Time passes as far as each log was read. */
  #letPass(now: Micros): void {
    const passed = this.#readers.map((reader) => reader.passedAt(now));
    this.#parts.passed(Math.min(this.#merge.passedAt(now), ...passed));
  }

  #leave(reader: LogReader): void {
    reader.end();
    this.#merge.leave(reader);
    this.#handOn(this.#parts.now());
    reader.save();
  }

  #handOn(now: Micros): void {
    for (const { log, packet, readAt, again } of this.#merge.take(now)) {
      this.#parts.packet(packet, { readAt, maxAgeUs: log.settings.maxAgeUs, again });
    }
    const windowUs = this.#parts.windowUs();
    for (const reader of this.#readers) if (!this.#merge.holds(reader)) reader.pass(windowUs);
  }
}
