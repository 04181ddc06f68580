/** Follows the kernel's messages in the systemd journal through journalctl, each once. */

import type { LineEvent, Micros } from '../model.ts';
import type { Checkpoint } from './checkpoint.ts';
import { followProgram, type Part, Program, type ProgramLog } from './child-process.ts';
import { wallClock } from './clock.ts';
import { endOfJournal, KERNEL_ENTRIES } from './journal-end.ts';
import { JournalExport, type JournalPlace } from './journal-export.ts';
import { told } from './notice.ts';

export interface JournalOptions {
  /** The absolute path of journalctl. */
  readonly journalctl: string;
  readonly signal: AbortSignal;
  readonly clock?: () => Micros;
  /** Where another has left off, and how far before that to begin. */
  readonly resume?: Checkpoint | null;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady?: boolean | undefined;
}

/** What the journal has of the kernel from now on. A journalctl that ends is started again after its last entry. */
export async function* followJournal(options: JournalOptions): AsyncGenerator<LineEvent, void, void> {
  const { signal, clock = wallClock, resume = null } = options;
  const isResumed = resume?.from.kind === 'journal';
  yield told(`the journal: reading ${isResumed ? 'on from where it was left' : 'from its end'}`);
  yield* followProgram(new Entries(options), { signal, clock });
}

class Entries implements ProgramLog {
  readonly name = 'journalctl';
  readonly #options: JournalOptions;
  /** The entry up to which all was read before. */
  readonly #upTo: JournalPlace | null;
  /** `none`: there was nothing yet, so all that is there now has come since. */
  #last: JournalPlace | 'none' | null;
  #export = new JournalExport();

  constructor(options: JournalOptions) {
    this.#options = options;
    const { from, upTo } = options.resume ?? {};
    this.#last = from?.kind === 'journal' ? from : null;
    this.#upTo = upTo?.kind === 'journal' ? upTo : null;
  }

  async start(): Promise<Program> {
    const { journalctl, signal, isSteady } = this.#options;
    const argv = [...KERNEL_ENTRIES, '-f', ...(await this.#from())];
    this.#export = new JournalExport();
    return new Program(journalctl, argv, { signal, isSteady });
  }

  /**
   * Where there is nothing to go on from, the end as it is now is looked for, and not left to the journalctl that follows:
   * that takes what is the end when it gets there, and what has come by then would be lost.
   */
  async #from(): Promise<readonly string[]> {
    const last = this.#last ?? (await endOfJournal(this.#options.journalctl, this.#options.signal));
    if (last === 'unknown') return ['-n', '0'];
    this.#last = last;
    return last === 'none' ? ['-n', 'all'] : ['--after-cursor', last.cursor];
  }

  /** A place of a journal that is gone would end each one that is started. */
  giveUp(): void {
    if (this.#last !== 'none') this.#last = null;
  }

  /** Entries of the journal as lines of a log, those that were read before apart from the others. */
  convert(chunk: Buffer): readonly Part[] {
    const parts = this.#export.push(chunk, this.#upTo);
    this.#last = parts.at(-1)?.place ?? this.#last;
    return parts;
  }
}
