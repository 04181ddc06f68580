/** Follows a stream that is still being written to, such as a pipe from journalctl. */

import type { Readable } from 'node:stream';
import type { LineEvent, Micros } from '../model.ts';
import { ChangeWatcher } from './change-watcher.ts';
import { bootClock, wallClock } from './clock.ts';
import { pipesAreRead } from './event-loop.ts';
import { LineSplitter } from './line-splitter.ts';
import { lost, lostOverlong } from './notice.ts';

/** What a pipe holds: whoever takes as much at once has not seen its end. */
const PIPE_BYTES = 64 * 1024;
const STIRRING = ['readable', 'end', 'error', 'close'] as const;

export interface FollowStreamOptions {
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady?: boolean | undefined;
  readonly clock?: () => Micros;
}

/**
 * The lines of a live stream, until it ends or fails or the signal aborts; then it is destroyed. A last line without LF
 * is left out: its writer may have died in the middle of it.
 */
export async function* followStream(
  stream: Readable,
  { signal, pollMs, isSteady, clock = wallClock }: FollowStreamOptions,
): AsyncGenerator<LineEvent, void, void> {
  const wake = new ChangeWatcher({ signal, pollMs, isSteady });
  const splitter = new LineSplitter();
  for (const event of STIRRING) stream.on(event, wake.notify);
  try {
    for (let isOver = false; !isOver && !signal.aborted; ) {
      const at = clock();
      await pipesAreRead();
      const overlongBefore = splitter.overlong;
      isOver = stream.readableEnded || stream.destroyed;
      let taken = 0;
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        taken += chunk.length;
        for (const bytes of splitter.push(chunk))
          yield { kind: 'lines', bytes, readAt: clock(), bootedAt: bootClock(), place: null, again: false };
        if (signal.aborted) return;
      }
      const overlong = splitter.overlong - overlongBefore;
      if (overlong > 0) yield lostOverlong('stdin', overlong);
      if (taken < PIPE_BYTES) yield { kind: 'drained', at, isComplete: false };
      if (!isOver) await wake.next();
    }
    if (signal.aborted) return;
    if (stream.errored) yield lost(`stdin cannot be read: ${stream.errored.message}`);
    if (splitter.flush() !== null) yield lost('stdin: left out a last line without an end');
  } finally {
    wake.close();
    stream.destroy();
    for (const event of STIRRING) stream.off(event, wake.notify);
  }
}
