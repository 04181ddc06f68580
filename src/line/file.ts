/** The path of a log -> its lines as they come, through rotations of every kind. */

import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { LineEvent, Micros } from '../model.ts';
import { wallClock } from './clock.ts';
import { LogFile, type Place } from './log-file.ts';
import { noticeOf, noticeOfOverlong } from './notice.ts';
import { codeOf, unreadable } from './unreadable.ts';
import { POLL_MS, Wake } from './wake.ts';

/** A look costs about a quarter of this, and what is unread when a log is truncated is lost. */
const LULL_MS = 2;
/** How long a replaced log must be quiet before its empty successor takes over. */
const GRACE_MS = 5_000;

export interface FollowOptions {
  /** Where to start in a file that is already there. One that appears later is read from its first byte. */
  readonly from: 'start' | 'end';
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  readonly graceMs?: number;
  readonly clock?: () => Micros;
}

/** The events of one look at the log; returns why it could not be read, or null. */
type Look = AsyncGenerator<LineEvent, string | null, void>;

/**
 * Follows a log file by its path, through symlinks. Nothing ends it but the signal: a file that is not there or cannot
 * be read is told of once, and waited for. A file that is not there counts as an empty one, so it is `drained`; one
 * that cannot be read is not.
 *
 * Two things are beyond any reader: what is unread when a log is truncated, and a file that is made, written and
 * rotated away between two looks.
 */
export async function* followFile(
  path: string,
  { from, signal, pollMs = POLL_MS, graceMs = GRACE_MS, clock = wallClock }: FollowOptions,
): AsyncGenerator<LineEvent, void, void> {
  const wake = new Wake({ pollMs, lullMs: LULL_MS, signal });
  const follower = new Follower(path, { from, graceMs, clock, opened: () => wake.watchFolderOf(path) });
  wake.watchFolderOf(path);
  try {
    while (!signal.aborted) {
      for await (const event of follower.look()) {
        yield event;
        if (signal.aborted) return;
      }
      await wake.next();
    }
  } finally {
    wake.close();
    await follower.close();
  }
}

interface FollowerParts {
  readonly from: 'start' | 'end';
  readonly graceMs: number;
  readonly clock: () => Micros;
  /** Called whenever a file was opened. */
  readonly opened: () => void;
}

class Follower {
  readonly #path: string;
  readonly #parts: FollowerParts;
  /** Oldest first. The last one stands at the path, or stood there last. */
  #logs: LogFile[] = [];
  /** Where reading starts, known once the path was looked at. */
  #start: Place | null | 'unknown';
  #trouble: string | null = null;

  constructor(path: string, parts: FollowerParts) {
    this.#path = path;
    this.#parts = parts;
    this.#start = parts.from === 'end' ? 'unknown' : null;
  }

  /** Reads all that stands in the log at this moment. The path comes first: after a change of file, all of the old one is read. */
  async *look(): AsyncGenerator<LineEvent, void, void> {
    const at = this.#parts.clock();
    const named = await stat(this.#path).catch((error: unknown) => unreadable(this.#path, error));
    const isAbsent = named instanceof Error && isNoFile(named.cause);
    const unfound = isAbsent ? `${this.#path} is not there, waiting for it` : yield* this.#find(named);
    const unread = yield* this.#read();
    const trouble = unfound ?? unread;
    if (trouble !== null && trouble !== this.#trouble) yield noticeOf(trouble, { lost: !isAbsent });
    this.#trouble = trouble;
    if (trouble === null || isAbsent) yield { kind: 'drained', at };
  }
}
