/** A finished log, as a file or a stream -> its lines, to the end. */

import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import type { LineEvent, Micros } from '../model.ts';
import { wallClock } from './clock.ts';
import { lostOverlong } from './notice.ts';
import { LineSplitter } from './split.ts';
import { unreadable } from './unreadable.ts';

const CHUNK_BYTES = 256 * 1024;

export interface ReadOptions {
  /** What to call the stream when something is wrong with it. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly clock?: () => Micros;
}

/**
 * Reads a recorded log to its end; `-` is stdin.
 *
 * @throws KnocktailError 66 when there is no such file, 77 when it may not be read, 74 for a folder or a failing disk
 */
export function readLog(
  path: string,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): AsyncGenerator<LineEvent, void, void> {
  if (path === '-') return readStream(stdin, { name: 'stdin', signal });
  return readStream(createReadStream(path, { highWaterMark: CHUNK_BYTES }), { name: path, signal });
}

/**
 * The lines of a stream, to its end. A last line counts even if it has no LF. Ends early, without an error, when aborted.
 *
 * @throws KnocktailError as `readLog` when the stream fails
 */
export async function* readStream(
  stream: Readable,
  { name, signal, clock = wallClock }: ReadOptions,
): AsyncGenerator<LineEvent, void, void> {
  const splitter = new LineSplitter();
  addAbortSignal(signal, stream);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const bytes = splitter.push(chunk);
      if (bytes !== null) yield { kind: 'lines', bytes, readAt: clock() };
    }
  } catch (error) {
    if (signal.aborted) return;
    throw unreadable(name, error);
  }
  const last = splitter.flush();
  if (last !== null) yield { kind: 'lines', bytes: last, readAt: clock() };
  if (splitter.overlong > 0) yield lostOverlong(name, splitter.overlong);
}
