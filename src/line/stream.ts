/** Stdin, or a finished log file -> its lines, to the end. */

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { type LineEvent, type LineSource, type Micros, US_PER_MS } from '../model.ts';
import { LineSplitter } from './split.ts';

const CHUNK_BYTES = 256 * 1024;

/** What reading a finished log may use of the process. */
export interface Streams {
  readonly stdin: Readable;
  readonly signal: AbortSignal;
}

/**
 * The log at a path, or that on stdin for `-`, from beginning to end.
 *
 * @throws KnocktailError 66, 74 or 77 when the file cannot be read
 */
export async function* readLog(path: string, { stdin, signal }: Streams): AsyncGenerator<LineEvent> {
  if (path === '-') {
    yield* readStream(stdin, signal);
    return;
  }
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    yield* readStream(file, signal);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    file.destroy();
  }
}

/** Lines as they come, until the stream ends; a last line without its LF counts. */
export async function* readStream(stream: Readable, signal: AbortSignal): LineSourceOf {
  const splitter = new LineSplitter();
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop);
  let overlong = 0;
  try {
    yield { kind: 'drained', at: now() };
    for await (const chunk of stream) {
      const bytes = splitter.push(Buffer.from(chunk));
      const readAt = now();
      if (bytes !== null) yield { kind: 'lines', bytes, readAt };
      if (splitter.overlong > overlong) yield overlongNotice(splitter.overlong - overlong);
      overlong = splitter.overlong;
      if (stream.readableLength === 0) yield { kind: 'drained', at: readAt };
    }
    const rest = splitter.flush();
    if (rest !== null) yield { kind: 'lines', bytes: rest, readAt: now() };
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

type LineSourceOf = AsyncGenerator<LineEvent> & LineSource;

export function overlongNotice(count: number): LineEvent {
  const what = count === 1 ? 'a line' : `${count} lines`;
  return { kind: 'notice', text: `${what} of more than 64 KiB passed over`, lost: true };
}

function unreadable(path: string, cause: unknown): KnocktailError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const known: Readonly<Record<string, readonly [what: string, exitCode: ExitCode, remedy: string]>> = {
    ENOENT: ['no such file', EXIT.NO_INPUT, 'name a log file, or - for stdin'],
    EACCES: ['may not be read', EXIT.NO_PERMISSION, 'run as root or as a member of its group'],
    EISDIR: ['is a folder', EXIT.IO, 'name a file in it'],
  };
  const [what, exitCode, remedy] = known[code] ?? ['cannot be read', EXIT.IO, String(cause)];
  return new KnocktailError(what, { where: path, exitCode, remedy, cause });
}

function now(): Micros {
  return Date.now() * US_PER_MS;
}
