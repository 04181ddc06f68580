/** Reads one log of the configuration: its packets, what happened to it, and how far it was read. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type LogConfig, nameOf } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import {
  type LineEvent,
  type LineSource,
  type LogPosition,
  type Micros,
  type Packet,
  type PacketNotes,
  US_PER_SECOND,
} from '../model.ts';
import { ClockReports } from '../packet/clock-reports.ts';
import { LogHealth } from '../packet/health.ts';
import { ReadTime } from '../packet/read-time.ts';
import { PacketScan } from '../packet/scan.ts';
import { type Checkpoint, CheckpointSaver, type CheckpointStore } from '../source/checkpoint.ts';
import { doubtsOfFormat } from '../source/trust.ts';
import type { LogCounts } from '../telemetry/counts.ts';
import type { Log } from '../telemetry/log.ts';

/** Between two attempts to read a log that could not be had while the daemon runs. */
const RETRY_MS = 10_000;
/** A log that has given no sign of life for so long is not waited for. */
const STALLED_US = 60 * US_PER_SECOND;

export interface ReaderParts {
  /** Opens the log that a configuration names; its lines end when the signal aborts. */
  readonly openLines: (
    log: LogConfig,
    how: {
      readonly signal: AbortSignal;
      readonly resume: Checkpoint | null;
      readonly isSteady: boolean;
      readonly isUrgent: () => boolean;
    },
  ) => LineSource;
  /** Whether a knock is under way, so that the next line matters at once. */
  readonly isUrgent: () => boolean;
  /** Who is asked before a packet is made of a line; null where one is to be made of each. */
  readonly notes: PacketNotes | null;
  /** What this machine calls itself. */
  readonly hostName: string;
  readonly log: Log;
}

export type LogEvent =
  /**
   * Lines were read, and these are the packets in them.
   *
   * `again`: an earlier daemon has acted on them.
   */
  | {
      readonly kind: 'read';
      readonly at: Micros;
      readonly packets: readonly Packet[];
      readonly again: boolean;
    }
  /** Everything that could be read at this moment has been read. */
  | { readonly kind: 'drained'; readonly at: Micros }
  /** The log cannot be read now, and is tried again. */
  | { readonly kind: 'stalled' };

export class LogReader {
  readonly #parts: ReaderParts;
  readonly #ending = new AbortController();
  readonly #health = new LogHealth();
  readonly #clockReports = new ClockReports();
  readonly #checkpoints = new CheckpointSaver(null);
  readonly #readTime = new ReadTime();
  /** What the source said last of having no more to read; null while it has not, or once it has ended. */
  #drained: Extract<LineEvent, { readonly kind: 'drained' }> | null = null;
  /** When the source was last heard. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #isAlone = true;
  /** The format that lines have been read in since what it lets through was said. */
  #warnedOf: LogConfig['format'] | null = null;
  /** Ahead of what is told of this log, where there are others. */
  #label = '';
  #settings: LogConfig;
  #scan: PacketScan;
  /** What scans before this one have counted. */
  #before: PacketScan['counts'] = { trusted: 0, untrusted: 0 };
  #overwritten = 0;
  #readAt: Micros | null = null;
  #packetAt: Micros | null = null;
  #passed: { readonly place: LogPosition; readonly at: Micros } | null = null;

  /** Its place is kept from the first `change` on. */
  constructor(settings: LogConfig, parts: ReaderParts) {
    this.#parts = parts;
    this.#settings = settings;
    this.#scan = this.#newScan();
  }

  get settings(): LogConfig {
    return this.#settings;
  }

  counts(): LogCounts {
    const { trusted, untrusted } = this.#scanned();
    const [overwritten, suppressed] = [this.#overwritten, this.#health.suppressed];
    const packetAt = this.#scan.lastTime ?? this.#packetAt;
    const log = nameOf(this.#settings);
    return { log, trusted, untrusted, overwritten, suppressed, readAt: this.#readAt, packetAt };
  }

  /** Whether this is the log that it reads, however its lines are to be taken. */
  reads({ from, path }: LogConfig): boolean {
    return from === this.#settings.from && path === this.#settings.path;
  }

  /**
   * Reads with these settings from now on.
   *
   * @param isAlone whether no other log is read beside it
   * @param store where its position is saved for the next daemon; null where it is not
   */
  change(
    settings: LogConfig,
    { isAlone, store }: { readonly isAlone: boolean; readonly store: CheckpointStore | null },
  ): void {
    const before = this.#settings;
    this.#isAlone = isAlone;
    this.#label = isAlone ? '' : `${nameOf(settings)}: `;
    this.#settings = settings;
    this.#checkpoints.turn(store);
    if (this.#warnedOf !== settings.format)
      for (const { what, remedy } of doubtsOfFormat(settings)) this.#parts.log.warn(`${what}: ${remedy}`);
    this.#warnedOf = settings.format;
    if (isDeepStrictEqual(readingOf(settings), readingOf(before))) return;
    this.#before = this.#scanned();
    this.#packetAt = this.#scan.lastTime ?? this.#packetAt;
    this.#scan = this.#newScan();
  }

  /**
   * Yields until it is ended, or the lines end.
   *
   * @param isNew whether to resume where an earlier daemon has stopped
   * @param retries whether a log that cannot be read is tried again
   * @throws KnocktailError where it cannot be read, unless it is tried again
   */
  async *events(isNew: boolean, retries: () => boolean): AsyncGenerator<LogEvent, void, void> {
    try {
      yield* this.#read(isNew, retries);
    } finally {
      this.#drained = null;
    }
  }

  async *#read(isNew: boolean, retries: () => boolean): AsyncGenerator<LogEvent, void, void> {
    const { signal } = this.#ending;
    let resume = isNew ? this.#checkpoints.find() : null;
    for (;;) {
      try {
        const { isUrgent } = this.#parts;
        const how = { signal, resume, isSteady: !this.#isAlone, isUrgent };
        for await (const line of this.#parts.openLines(this.#settings, how)) {
          const event = this.#take(line);
          if (event !== null) yield event;
        }
        return;
      } catch (error) {
        if (!retries()) throw error;
        this.#parts.log.error(`${this.#label}${messageOf(error)}`);
      }
      resume = this.#checkpoints.here;
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      yield { kind: 'stalled' };
    }
  }

  end(): void {
    this.#ending.abort();
  }

  /** Up to when all lines of this log have been handed on, as far as is known at this moment. */
  passedAt(now: Micros): Micros {
    if (this.#drained === null || now - this.#heardAt > STALLED_US) return now;
    const { at, isComplete } = this.#drained;
    return Math.min(now, this.#readTime.passedAt(at, isComplete));
  }

  /**
   * What was read so far needs not be read again, but for the window in which attempts may be in flight: it is one of
   * the log's time, and is as much longer by the time of reading as the log is behind.
   */
  pass(windowUs: Micros): void {
    const { lagUs } = this.#readTime;
    if (this.#passed !== null) this.#checkpoints.pass(this.#passed.place, this.#passed.at, windowUs + lagUs);
    this.#passed = null;
  }

  save(): void {
    this.#checkpoints.save();
  }

  /** Tells what is due, and saves what is due. */
  tick(at: Micros): void {
    const texts = [
      ...this.#health.reports(at, this.#scan.counts.untrusted),
      ...this.#clockReports.reports(at, this.#scan.clocks, this.#scan.takeNotices()),
    ];
    for (const text of texts) this.#parts.log.warn(`${this.#label}${text}`);
    this.#checkpoints.saveInTime(at);
  }

  /** Null for what concerns nobody else. */
  #take(event: LineEvent): LogEvent | null {
    switch (event.kind) {
      case 'drained':
        this.#drained = event;
        this.#heardAt = event.at;
        this.#readTime.drained(event.at);
        return { kind: 'drained', at: event.at };
      case 'notice':
        this.#overwritten += event.lines ?? 0;
        this.#parts.log[event.lost || event.isDoubt === true ? 'warn' : 'info'](event.text);
        return null;
      case 'lines': {
        const { bytes, readAt, bootedAt, place, again } = event;
        const packets: Packet[] = [];
        this.#readAt = readAt;
        if (place !== null) this.#passed = { place, at: readAt };
        this.#scan.scan(bytes, readAt, (packet) => packets.push(packet), bootedAt);
        this.#health.hear(bytes, readAt);
        this.#heardAt = readAt;
        this.#readTime.read(this.#timesOf(bytes, readAt), readAt);
        return { kind: 'read', at: readAt, packets, again };
      }
    }
  }

  /** What tells how far behind the log is, or how late its lines can be. */
  #timesOf(bytes: Buffer, readAt: Micros): { readonly first: Micros | null; readonly last: Micros | null } {
    const first = this.#readTime.asksForFirst ? this.#scan.timeOfFirst(bytes, readAt) : null;
    const last = this.#drained?.isComplete === true ? null : this.#scan.timeOfLast(bytes, readAt);
    return { first, last };
  }

  #newScan(): PacketScan {
    const { hostName: ownName, notes } = this.#parts;
    return new PacketScan({
      ...this.#settings,
      ...{ live: true, isPipe: this.#settings.from === 'stdin', ownName, notes },
    });
  }

  #scanned(): PacketScan['counts'] {
    const { trusted, untrusted } = this.#scan.counts;
    return { trusted: this.#before.trusted + trusted, untrusted: this.#before.untrusted + untrusted };
  }
}

/** What decides how lines are taken. */
function readingOf({ prefix, format, hosts, timezone }: LogConfig) {
  return { prefix, format, hosts, timezone };
}
