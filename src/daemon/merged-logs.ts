/** Reads all logs of a configuration side by side, as one stream of packets and passing time. */

import type { Config, LogConfig } from '../config/schema.ts';
import type { Micros, Packet } from '../model.ts';
import { Merge } from '../packet/merge.ts';
import type { CheckpointStore } from '../source/checkpoint.ts';
import type { LogCounts } from '../telemetry/counts.ts';
import { type LogEvent, LogReader, type ReaderParts } from './log-reader.ts';

export interface MergedLogsParts extends Omit<ReaderParts, 'isUrgent'> {
  /** Where the position in a log is saved for the next daemon; null where it is not. */
  readonly openPosition: (config: Config, log: LogConfig) => CheckpointStore | null;
  /** The wall clock. */
  readonly now: () => Micros;
}

/** A packet of one of the logs. */
export interface Arrival {
  readonly packet: Packet;
  readonly readAt: Micros;
  /** How old a knock may be that this packet completes. */
  readonly maxAgeUs: Micros;
  /** An earlier daemon has acted on it, so it only rebuilds attempts. */
  readonly again: boolean;
}

export type IntakeEvent =
  /** In the order of their times, each packet once. */
  | { readonly kind: 'packets'; readonly arrivals: readonly Arrival[] }
  /** Every packet logged before this moment has been yielded, as far as is known. */
  | { readonly kind: 'time'; readonly at: Micros };

/** What a reader has yielded; null for the event of one that has ended. */
interface Pulled {
  readonly reader: LogReader;
  readonly event: LogEvent | null;
}

/** A log is read on only after the consumer has dealt with what it yielded before. */
export class MergedLogs {
  /** Whether an attempt is in flight, so that the next line is wanted at once. */
  isUrgent = false;
  readonly #parts: MergedLogsParts;
  readonly #merge = new Merge<LogReader>();
  #readers: LogReader[] = [];
  /** Those of them, and of readers before them, that have not ended. */
  readonly #open = new Map<LogReader, AsyncIterator<LogEvent>>();
  readonly #pulled: Pulled[] = [];
  #failure: { readonly error: unknown } | null = null;
  #notify: () => void = () => undefined;
  #isReading = false;
  #isCaughtUp = false;
  #config: Config;
  #windowUs: Micros;

  /**
   * @param config names the logs
   * @param windowUs how long an attempt can be in flight, which is how far back reading resumes after a restart
   */
  constructor(config: Config, windowUs: Micros, parts: MergedLogsParts) {
    this.#config = config;
    this.#windowUs = windowUs;
    this.#parts = parts;
  }

  /** Switches to the logs of another configuration. Logs in both are read on. */
  use(config: Config, windowUs: Micros): void {
    this.#config = config;
    this.#windowUs = windowUs;
    if (this.#isReading) this.#switch();
  }

  #switch(): void {
    const { logs } = this.#config;
    const before = this.#readers;
    const parts: ReaderParts = { ...this.#parts, isUrgent: () => this.isUrgent };
    const readerOf = (log: LogConfig): LogReader =>
      before.find((reader) => reader.reads(log)) ?? new LogReader(log, parts);
    this.#readers = logs.map(readerOf);
    this.#merge.remember(Math.max(...logs.map(({ maxAgeUs }) => maxAgeUs)));
    logs.forEach((log, index) => {
      const store = this.#parts.openPosition(this.#config, log);
      this.#readers[index]?.change(log, { isAlone: logs.length === 1, store });
    });
    for (const reader of this.#readers)
      if (!before.includes(reader)) this.#begin(reader, before.length === 0);
    for (const reader of before) if (!this.#readers.includes(reader)) reader.end();
  }

  /**
   * Yields until all logs have ended, by themselves or by `end`.
   *
   * @throws KnocktailError when a log cannot be opened before all were read to their ends once
   */
  async *events(): AsyncGenerator<IntakeEvent, void, void> {
    this.#isReading = true;
    this.#switch();
    try {
      while (this.#open.size > 0) {
        const { reader, event } = await this.#next();
        yield* this.#eventsOf(reader, event);
        if (event === null) this.#open.delete(reader);
        else this.#pull(reader);
      }
    } finally {
      this.#isReading = false;
      this.end();
    }
  }

  /** Saves the positions up to which everything has been yielded. */
  save(): void {
    for (const reader of this.#readers) reader.save();
  }

  counts(): readonly LogCounts[] {
    return this.#readers.map((reader) => reader.counts());
  }

  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  #begin(reader: LogReader, isStart: boolean): void {
    this.#merge.join(reader, this.#parts.now());
    this.#open.set(
      reader,
      reader.events(isStart, () => this.#isCaughtUp),
    );
    this.#pull(reader);
  }

  #pull(reader: LogReader): void {
    const reading = this.#open.get(reader)?.next();
    const pulled = reading?.then(
      ({ done, value }) => void this.#pulled.push({ reader, event: done === true ? null : value }),
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    void pulled?.then(() => this.#notify());
  }

  async #next(): Promise<Pulled> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      const pulled = this.#pulled.shift();
      if (pulled !== undefined) return pulled;
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
  }

  *#eventsOf(reader: LogReader, event: LogEvent | null): Generator<IntakeEvent, void, void> {
    const now = event !== null && 'at' in event ? event.at : this.#parts.now();
    if (event === null) {
      reader.end();
      this.#merge.leave(reader);
    } else if (event.kind === 'read') {
      const { packets, again } = event;
      for (const packet of packets) this.#merge.add({ log: reader, packet, readAt: now, again });
    } else if (event.kind === 'drained') this.#merge.drained(reader, now);
    const arrivals = this.#merge.take(now).map(({ log, ...arrival }) => ({
      ...arrival,
      maxAgeUs: log.settings.maxAgeUs,
    }));
    if (arrivals.length > 0) yield { kind: 'packets', arrivals };
    for (const each of this.#readers) if (!this.#merge.holds(each)) each.pass(this.#windowUs);
    if (event === null) reader.save();
    if (event?.kind === 'drained') {
      reader.tick(now);
      // A failure before every log was read to its end once ends the start.
      if (this.#isCaughtUp || this.#merge.isCaughtUp) yield { kind: 'time', at: this.#passedAt(now) };
      this.#isCaughtUp ||= this.#merge.isCaughtUp;
    }
    if (event?.kind === 'stalled' && this.#isCaughtUp) yield { kind: 'time', at: this.#passedAt(now) };
  }

  /** Time passes as far as each log was read. */
  #passedAt(now: Micros): Micros {
    const passed = this.#readers.map((reader) => reader.passedAt(now));
    return Math.min(this.#merge.passedAt(now), ...passed);
  }
}
