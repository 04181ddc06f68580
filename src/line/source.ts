/** What the configuration says of the log -> the source of its lines. */

import type { Readable } from 'node:stream';
import type { LineSource } from '../model.ts';
import { followFile } from './file.ts';
import { followStream } from './stdin.ts';

export interface LogPlace {
  readonly from: 'file' | 'stdin';
  /** The file, for `from: file`. */
  readonly path: string;
}

/** Lines as they come, for the daemon. Iterating ends when the signal aborts, or stdin ends. */
export function openLines(
  { from, path }: LogPlace,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): LineSource {
  switch (from) {
    case 'file':
      return followFile(path, { from: 'end', signal });
    case 'stdin':
      return followStream(stdin, { signal });
  }
}
