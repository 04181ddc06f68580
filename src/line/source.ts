/** What the configuration says of the log -> the source of its lines. */

import type { Readable } from 'node:stream';
import type { LineSource } from '../model.ts';
import { followFile } from './file.ts';
import { readStream } from './stream.ts';

export interface LogPlace {
  readonly from: 'file' | 'stdin';
  /** The file, for `from: file`. */
  readonly path: string;
}

/** Lines as they come, for the daemon; iterating ends when the signal aborts, or stdin ends. */
export function openLines(
  { from, path }: LogPlace,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): LineSource {
  return from === 'stdin' ? readStream(stdin, signal) : followFile(path, { from: 'end', signal });
}
