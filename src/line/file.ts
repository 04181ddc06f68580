/** The path of a log -> its lines as they are written, through every kind of rotation. */

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type LineEvent, type Micros, US_PER_MS } from '../model.ts';
import { type FileIdentity, OpenFile } from './open-file.ts';
import { LineSplitter } from './split.ts';
import { overlongNotice } from './stream.ts';
import { Waker } from './waker.ts';

/** Beside the watch, which some file systems do not have. */
const POLL_MS = 250;
/** How long an old file is still read after a new one has appeared that stays empty. */
const FAREWELL_MS = 5_000;

export interface FollowOptions {
  /** Where the first file is begun; one that appears later is read from its beginning. */
  readonly from: 'start' | 'end';
  readonly signal: AbortSignal;
}

/**
 * Follows a log until the signal aborts. Nothing else ends it: a file that is missing, unreadable or not a file
 * is told of once, and waited for.
 *
 * The descriptor of the old file is kept after a rename or a deletion, and read on until the new one has bytes.
 */
export async function* followFile(path: string, { from, signal }: FollowOptions): AsyncGenerator<LineEvent> {
  const waker = new Waker(dirname(path), signal);
  const follower = new Follower(path, from);
  try {
    while (!signal.aborted) {
      yield* follower.look(signal);
      await waker.wait(POLL_MS);
    }
  } finally {
    waker.close();
    await follower.close();
  }
}

class Follower {
  readonly #path: string;
  readonly #splitter = new LineSplitter();
  #file: OpenFile | null = null;
  /** Where the next file is begun. */
  #from: 'start' | 'end';
  #replacedAt: number | null = null;
  #trouble = '';
  #overlong = 0;

  constructor(path: string, from: 'start' | 'end') {
    this.#path = path;
    this.#from = from;
  }

  /** Hands on all that has been written since the last look. */
  async *look(signal: AbortSignal): AsyncGenerator<LineEvent> {
    for (let again = true; again && !signal.aborted; ) {
      const at = now();
      // Before draining: whatever is renamed after this is found by the next look, with the old file drained.
      const current = await this.#stat();
      if (typeof current === 'string') yield* this.#tell(current);
      try {
        yield* this.#drain(signal);
        again = typeof current !== 'string' && current !== null && (yield* this.#goOver(current));
      } catch (error) {
        // Read on from the same place when it is over.
        yield* this.#tell(describe(error));
        break;
      }
      if (again || this.#file === null) continue;
      if (typeof current !== 'string') this.#trouble = '';
      yield { kind: 'drained', at };
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#splitter.reset();
    await file?.close().catch(() => undefined);
  }

  /** What the path names now: a file, nothing (null while an old file is still open), or a trouble in words. */
  async #stat(): Promise<(FileIdentity & { readonly size: number }) | string | null> {
    try {
      const found = await stat(this.#path);
      return found.isFile() ? found : 'it is not a regular file';
    } catch (error) {
      const isMissing =
        error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
      if (!isMissing) return describe(error);
      // What appears where nothing was is new from its first byte.
      if (this.#file === null) this.#from = 'start';
      return this.#file === null ? 'it is not there' : null;
    }
  }

  async *#drain(signal: AbortSignal): AsyncGenerator<LineEvent> {
    const file = this.#file;
    if (file === null) return;
    if (await file.wasTruncated()) {
      this.#splitter.reset();
      yield this.#notice('truncated, read again from its beginning');
    }
    for (let chunk = await file.read(); chunk !== null && !signal.aborted; chunk = await file.read()) {
      const bytes = this.#splitter.push(chunk);
      if (bytes !== null) yield { kind: 'lines', bytes, readAt: now() };
      const { overlong } = this.#splitter;
      if (overlong > this.#overlong) yield overlongNotice(overlong - this.#overlong);
      this.#overlong = overlong;
    }
  }

  /** Opens what the path names, if it is another file and the time has come; true when there is more to read. */
  async *#goOver(current: FileIdentity & { readonly size: number }): AsyncGenerator<LineEvent, boolean> {
    const old = this.#file;
    if (old?.is(current) === true) {
      this.#replacedAt = null;
      return false;
    }
    if (old !== null) {
      this.#replacedAt ??= performance.now();
      if (current.size === 0 && performance.now() - this.#replacedAt < FAREWELL_MS) return false;
      const rest = this.#splitter.flush();
      if (rest !== null) yield { kind: 'lines', bytes: rest, readAt: now() };
    }
    const file = await OpenFile.at(this.#path, this.#from);
    await old?.close();
    this.#file = file;
    this.#from = 'start';
    this.#replacedAt = null;
    this.#splitter.reset(file.isInLine);
    if (old !== null) yield this.#notice('rotated, going on with the new file');
    else if (this.#trouble !== '') yield this.#notice('there now');
    this.#trouble = '';
    return true;
  }

  *#tell(trouble: string): Generator<LineEvent> {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    yield this.#notice(`waiting for it: ${trouble}`);
  }

  #notice(text: string): LineEvent {
    return { kind: 'notice', text: `${this.#path}: ${text}`, lost: false };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function now(): Micros {
  return Date.now() * US_PER_MS;
}
