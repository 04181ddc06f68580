/** A finished log, as a file or a stream -> its lines, to the end. */

import { type FileHandle, open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { LineEvent, Micros } from '../model.ts';
import { wallClock } from './clock.ts';
import { gunzip, isGzip } from './gzip.ts';
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
 * Reads a recorded log to its end, one that gzip has compressed as well; `-` is stdin.
 *
 * @throws KnocktailError 66 when there is no such file, 77 when it may not be read, 74 for a folder or a failing
 * disk, 65 for what gzip has compressed and is damaged
 */
export async function* readLog(
  path: string,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): AsyncGenerator<LineEvent, void, void> {
  if (path === '-') return yield* readStream(stdin, { name: 'stdin', signal });
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const isFile = await file.stat().then((stats) => stats.isFile());
    const chunks = isFile ? chunksOf(file, path) : file.createReadStream({ autoClose: false });
    yield* linesOf(chunks, { name: path, signal });
  } finally {
    await file.close();
  }
}

/** A file in one buffer, which is written over when the next chunk is asked for: a stream makes one for each. */
async function* chunksOf(file: FileHandle, path: string): AsyncGenerator<Buffer, void, void> {
  if (await isGzip(file)) return yield* gunzip(file, path);
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * The lines of a stream, to its end. A last line counts even if it has no LF. Ends early, without an error, when aborted.
 *
 * @throws KnocktailError as `readLog` when the stream fails
 */
export function readStream(stream: Readable, options: ReadOptions): AsyncGenerator<LineEvent, void, void> {
  addAbortSignal(options.signal, stream);
  return linesOf(stream, options);
}

async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  { name, signal, clock = wallClock }: ReadOptions,
): AsyncGenerator<LineEvent, void, void> {
  const splitter = new LineSplitter();
  try {
    for await (const chunk of chunks) {
      for (const bytes of splitter.push(chunk))
        yield { kind: 'lines', bytes, readAt: clock(), bootedAt: null, place: null, again: false };
      if (signal.aborted) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw unreadable(name, error);
  }
  const last = splitter.flush();
  if (last !== null)
    yield { kind: 'lines', bytes: last, readAt: clock(), bootedAt: null, place: null, again: false };
  if (splitter.overlong > 0) yield lostOverlong(name, splitter.overlong);
}
