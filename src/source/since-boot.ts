/** Reads what a log of this machine holds since boot, to its end. */

import type { Readable } from 'node:stream';
import { EXIT, KnocktailError } from '../errors.ts';
import type { LineEvent } from '../model.ts';
import { findJournalctl, type LogPlace } from './auto.ts';
import { Program } from './child-process.ts';
import { bootClock, wallClock } from './clock.ts';
import { KERNEL_ENTRIES } from './journal-end.ts';
import { JournalExport } from './journal-export.ts';
import { readKmsg } from './kmsg.ts';
import { ensureRing } from './kmsg-device.ts';
import { readLog } from './stream.ts';

/** A file may hold earlier boots as well: its lines say when they were written. */
export async function* readSinceBoot(
  { from, path }: LogPlace,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): AsyncGenerator<LineEvent, void, void> {
  switch (from) {
    case 'kmsg':
      ensureRing();
      return yield* readKmsg({ signal });
    case 'journal':
      return yield* readJournal(signal);
    default:
      return yield* readLog(from === 'stdin' ? '-' : path, { stdin, signal });
  }
}

/** @throws KnocktailError 69 where there is no journalctl, or it fails */
async function* readJournal(signal: AbortSignal): AsyncGenerator<LineEvent, void, void> {
  const journalctl = findJournalctl();
  if (journalctl === null) throw unavailable('there is no journalctl', 'journal');
  const program = new Program(journalctl, KERNEL_ENTRIES, { signal, isSteady: false });
  const entries = new JournalExport();
  try {
    for (let isOver = false; !isOver && !signal.aborted; ) {
      isOver = program.ending !== null;
      for (let chunk = program.read(); chunk !== null; chunk = program.read()) {
        for (const { bytes } of entries.push(chunk, null))
          yield {
            kind: 'lines',
            bytes,
            readAt: wallClock(),
            bootedAt: bootClock(),
            place: null,
            again: false,
          };
      }
      if (!isOver) await program.next();
    }
  } finally {
    program.end();
  }
  if (!signal.aborted && program.ending !== 'status 0') throw unavailable(String(program.ending), journalctl);
}

function unavailable(what: string, where: string): KnocktailError {
  return new KnocktailError(what, { exitCode: EXIT.UNAVAILABLE, where, remedy: 'name a log file' });
}
