/** Follows a log file through every kind of rotation. */

import { type Stats, statSync } from 'node:fs';
import type { LineEvent, LogPosition, Micros } from '../model.ts';
import { ChangeWatcher } from './change-watcher.ts';
import type { Checkpoint } from './checkpoint.ts';
import { bootClock, wallClock } from './clock.ts';
import { findPlace } from './find.ts';
import { LogFile, type Start } from './log-file.ts';
import { lost, lostOverlong, type Notice, told } from './notice.ts';
import { isNoFile, unreadable } from './unreadable.ts';

/** A look costs about a quarter of this, and what is unread when a log is truncated is lost. */
const DEBOUNCE_MS = 2;
/** How long a replaced log must be quiet before its empty successor takes over. */
const GRACE_MS = 5_000;
/** A log that cannot be read any more is not waited for after so long. */
const STALLED_MS = 60_000;

export interface FollowOptions {
  /** Where to start in a file that is already there. One that appears later is read from its first byte. */
  readonly from: 'start' | 'end';
  /** Where another has left off, and how far before that to begin; it counts more than `from`. */
  readonly resume?: Checkpoint | null;
  readonly signal: AbortSignal;
  readonly pollMs?: number | undefined;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady?: boolean | undefined;
  readonly graceMs?: number;
  readonly clock?: () => Micros;
}

/**
 * Follows a log file by its path, through symlinks. Nothing ends it but the signal: a file that is not there or cannot
 * be read is told of once, and waited for. A file that is not there counts as an empty one, so it is `drained`; one
 * that cannot be read is not, but for one that could be before and cannot be for a minute.
 *
 * Two things are beyond any reader: what is unread when a log is truncated, and a file that is made, written and
 * rotated away between two looks.
 */
export async function* followFile(
  path: string,
  { from, resume = null, signal, pollMs, isSteady, graceMs = GRACE_MS, clock = wallClock }: FollowOptions,
): AsyncGenerator<LineEvent, void, void> {
  const wake = new ChangeWatcher({ signal, debounceMs: DEBOUNCE_MS, pollMs, isSteady });
  const follower = new Follower(path, {
    from,
    resume,
    graceMs,
    clock,
    opened: () => wake.watchFolderOf(path),
  });
  wake.watchFolderOf(path);
  try {
    for (let isNotified = true; !signal.aborted; isNotified = await wake.next()) {
      for await (const event of follower.look()) {
        if (event.kind === 'lines' && !isNotified) wake.missed();
        yield event;
        if (signal.aborted) return;
      }
    }
  } finally {
    wake.close();
    await follower.close();
  }
}

interface FollowerParts {
  readonly from: 'start' | 'end';
  readonly resume: Checkpoint | null;
  readonly graceMs: number;
  readonly clock: () => Micros;
  /** Called whenever a file was opened. */
  readonly opened: () => void;
}

/** Reads on one look at a time. Each part returns the trouble that it ran into, so that the others still have their turn. */
class Follower {
  readonly #path: string;
  readonly #parts: FollowerParts;
  /** Oldest first. The last one stands at the path, or stood there last. */
  #logs: LogFile[] = [];
  /** Where the first file is taken up; not known before the path was looked at. */
  #start: Start | null | 'unknown';
  #trouble: Notice | null = null;
  /** When it was read to its end, on the monotonic clock; null before it ever was. */
  #readMs: number | null = null;
  /** Not taken up yet. */
  #resume: Checkpoint | null;
  #upTo: LogPosition | null = null;

  constructor(path: string, parts: FollowerParts) {
    this.#path = path;
    this.#parts = parts;
    this.#start = parts.from === 'end' ? 'unknown' : null;
    const { from, upTo } = parts.resume ?? {};
    // Where the log was another before, as `auto` may have it, this one is new to us.
    this.#resume = from?.kind === 'file' || upTo?.kind === 'file' ? parts.resume : null;
  }

  /** Hands on all that stands in the log at this moment. */
  async *look(): AsyncGenerator<LineEvent, void, void> {
    const at = this.#parts.clock();
    if (this.#resume !== null) yield* this.#takeUp(this.#resume);
    // The path comes first: whoever writes to the new file has written all that there will be in the old one.
    const unfound = yield* this.#find();
    const trouble = (yield* this.#read()) ?? unfound;
    if (trouble !== null && trouble.text !== this.#trouble?.text) yield trouble;
    this.#trouble = trouble;
    const nowMs = performance.now();
    const isRead = trouble === null || !trouble.lost;
    if (isRead) this.#readMs = nowMs;
    if (isRead || nowMs - (this.#readMs ?? nowMs) > STALLED_MS)
      yield { kind: 'drained', at, isComplete: true };
  }

  async close(): Promise<void> {
    for (const log of this.#logs) await log.close();
  }

  /** Opens the file that another was reading, wherever it was moved to; what is at the path now may be a later one. */
  async *#takeUp({ from, upTo }: Checkpoint): AsyncGenerator<LineEvent, void, void> {
    this.#resume = null;
    const found = (await findPlace(from, this.#path)) ?? (await findPlace(upTo, this.#path));
    // What is at the path was made since, or nothing is there.
    this.#start = null;
    if (found === null) return;
    const log = await LogFile.open(found.path, found.place).catch(() => null);
    if (log === null) return;
    this.#logs.push(log);
    const isIt = log.position === found.place.position;
    if (isIt && upTo.kind === 'file' && !log.is(upTo)) log.allReadBefore();
    else if (isIt) log.readBefore(upTo);
    // Where it was truncated, nothing of it was read before.
    this.#upTo = isIt ? upTo : null;
    this.#parts.opened();
    yield told(`${found.path}: reading ${isIt ? 'on from where it was left' : 'from its start'}`);
  }

  /** Opens the file at the path, if it is not open yet. */
  async *#find(): AsyncGenerator<LineEvent, Notice | null, void> {
    try {
      // At once: a thread that looks costs more than the look.
      const stats = statSync(this.#path);
      if (this.#start === 'unknown') this.#start = { dev: stats.dev, ino: stats.ino, position: stats.size };
      if (!stats.isFile()) return lost(`${this.#path} is ${kindOf(stats)}`);
      const known = this.#logs.find((log) => log.is(stats));
      if (known === undefined) {
        yield await this.#open(this.#start);
      } else {
        // Usually the last one already; not so when a log was moved away and back.
        this.#logs = [...this.#logs.filter((log) => log !== known), known];
      }
      return null;
    } catch (error) {
      if (!isNoFile(error)) return lost(unreadable(this.#path, error).message);
      if (this.#start === 'unknown') this.#start = null;
      return told(`${this.#path} is not there, waiting for it`);
    }
  }

  async #open(start: Start | null): Promise<Notice> {
    const log = await LogFile.open(this.#path, start);
    this.#logs.push(log);
    if (this.#upTo !== null) log.readBefore(this.#upTo);
    // A later file may have the same inode number.
    this.#start = null;
    this.#parts.opened();
    if (this.#logs.length > 1) return told(`${this.#path} was replaced, going over to the new file`);
    return told(`${this.#path}: reading from ${log.position === 0 ? 'its start' : 'its end'}`);
  }

  /** Reads the open files, leaving each for its successor when it is over. */
  async *#read(): AsyncGenerator<LineEvent, Notice | null, void> {
    for (;;) {
      const [log, ...later] = this.#logs;
      if (log === undefined) return null;
      const isOver = await this.#isOver(log, later);
      const trouble = yield* this.#drain(log);
      if (!isOver) return trouble;
      if (trouble !== null) yield trouble;
      this.#logs = later;
      await log.close();
      // Its writer died in the middle of a line, or wrote the rest elsewhere. Half a line may read as something else.
      if (log.splitter.flush() !== null) yield lost(`${this.#path}: left out a last line without an end`);
    }
  }

  /** A replaced log may be written to until its successor is. To be asked before it is drained. */
  async #isOver(log: LogFile, later: readonly LogFile[]): Promise<boolean> {
    for (const successor of later) {
      if (await successor.hasMore()) return true;
    }
    const notifiedMs = Math.max(log.notifiedMs, ...later.map((successor) => successor.notifiedMs));
    return later.length > 0 && performance.now() - notifiedMs >= this.#parts.graceMs;
  }

  async *#drain(log: LogFile): AsyncGenerator<LineEvent, Notice | null, void> {
    const overlongBefore = log.splitter.overlong;
    try {
      for await (const batch of log.lines()) {
        if (batch === 'rewritten') yield lost(`${this.#path} was truncated, reading it from its start`);
        else yield { kind: 'lines', ...batch, readAt: this.#parts.clock(), bootedAt: bootClock() };
      }
    } catch (error) {
      return lost(unreadable(this.#path, error).message);
    }
    const overlong = log.splitter.overlong - overlongBefore;
    if (overlong > 0) yield lostOverlong(this.#path, overlong);
    return null;
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder, name a log file in it';
  if (stats.isFIFO()) return 'a pipe, which cannot be followed: read it through stdin';
  return 'not a file, name a log file';
}
