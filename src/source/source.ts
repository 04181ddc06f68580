/** Opens the source of lines that the configuration names. */

import type { Readable } from 'node:stream';
import { EXIT, KnocktailError } from '../errors.ts';
import type { LineEvent, LineSource } from '../model.ts';
import { choose, findJournalctl, type LogPlace, type Machine } from './auto.ts';
import type { Checkpoint } from './checkpoint.ts';
import { followFile } from './file.ts';
import { followJournal } from './journal.ts';
import { followKmsg } from './kmsg.ts';
import { ensureRing } from './kmsg-device.ts';
import { doubted, told } from './notice.ts';
import { followStream } from './stdin.ts';
import { type Doubt, doubtOfSplitLines, doubtsOfFile, hasSplitLines } from './trust.ts';

interface Surroundings {
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Where another has left off in this log. */
  readonly resume?: Checkpoint | null;
  /** Whether other logs are read beside it, and wait for each look. */
  readonly isSteady?: boolean;
  /** Whether a knock is under way, so that the next line matters at once. */
  readonly isUrgent?: () => boolean;
  /** What `auto` chooses from, where it is not this machine. */
  readonly machine?: Machine;
  /** Called with what `auto` has chosen. */
  readonly chosen?: (choice: LogPlace) => void;
}

/**
 * Lines as they come, for the daemon. Iterating ends when the signal aborts, or stdin ends.
 *
 * @throws KnocktailError, when it is iterated, where there is no such source on this machine
 */
export function openLines({ from, path }: LogPlace, surroundings: Surroundings): LineSource {
  const { stdin, signal, resume = null, isSteady, isUrgent } = surroundings;
  switch (from) {
    case 'auto':
      return chosen(surroundings);
    case 'journal':
      return followJournal({ journalctl: journalctlOrThrow(), signal, resume, isSteady });
    case 'kmsg':
      return ring(followKmsg({ signal, resume, isSteady, isUrgent }));
    case 'file':
      return doubtedFile(path, followFile(path, { from: 'end', signal, resume, isSteady }));
    case 'stdin':
      return followStream(stdin, { signal, isSteady });
  }
}

async function* chosen(surroundings: Surroundings): AsyncGenerator<LineEvent, void, void> {
  const choice = await choose(surroundings.machine);
  surroundings.chosen?.({ path: '', ...choice });
  yield told(`log: auto: ${choice.from === 'file' ? choice.path : choice.from}, as ${choice.why}`);
  yield* openLines({ path: '', ...choice }, surroundings);
}

/** In a container /dev/kmsg may be something else, on which no knock would ever show. */
async function* ring(records: LineSource): AsyncGenerator<LineEvent, void, void> {
  ensureRing();
  yield* records;
}

/**
 * Who else could write there is told whenever a file becomes the log: at the start, by a choice, by a reload; and when
 * its lines show it, where nothing was known of what writes it.
 */
async function* doubtedFile(path: string, lines: LineSource): AsyncGenerator<LineEvent, void, void> {
  const doubts = doubtsOfFile(path);
  for (const each of doubts) yield doubtNotice(each);
  let isToldOfWriter = doubts.some(({ isOfWriter }) => isOfWriter === true);
  for await (const event of lines) {
    if (!isToldOfWriter && event.kind === 'lines' && hasSplitLines(event.bytes)) {
      isToldOfWriter = true;
      yield doubtNotice(doubtOfSplitLines(path));
    }
    yield event;
  }
}

function doubtNotice({ what, remedy }: Doubt): LineEvent {
  return doubted(`${what}: ${remedy}`);
}

function journalctlOrThrow(): string {
  const journalctl = findJournalctl();
  if (journalctl !== null) return journalctl;
  throw new KnocktailError('there is no journalctl', {
    exitCode: EXIT.UNAVAILABLE,
    where: 'log.from: journal',
    remedy: 'write log: { from: kmsg } or name a log file',
  });
}
