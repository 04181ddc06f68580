/** Commands that are to run -> commands that run, beside each other, and the log of it. */

import type { CommandCounts } from '../counts.ts';
import type { Log } from '../log.ts';
import type { Address } from '../model.ts';
import type { Words } from '../words.ts';
import type { CommandOf, runCommand } from './command.ts';
import { tellResult } from './told.ts';
import { Turns } from './turns.ts';

export interface RunnerParts {
  readonly run: typeof runCommand;
  /** Commands are told and not run. */
  readonly isDry: () => boolean;
  readonly words: () => Pick<Words, 'commandOf'>;
  readonly log: Log;
}

export interface Outcome {
  /** Null where the command did what it was to do, or was only told. */
  readonly failure: string | null;
  /** It did not run, as another process runs it. */
  readonly isTaken: boolean;
}

const MOST_AT_ONCE = 32;

export class Runner {
  readonly #parts: RunnerParts;
  readonly #turns = new Turns(MOST_AT_ONCE);
  readonly #pieces = new Set<Promise<void>>();
  #running = 0;
  #ran = 0;
  #failed = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Commands that run now. */
  get running(): number {
    return this.#running;
  }

  get counts(): Omit<CommandCounts, 'pending'> {
    return { ran: this.#ran, failed: this.#failed, running: this.#running };
  }

  /** Does this piece of work when it is its turn; those of one door and source come one after the other. */
  inTurn(door: string, source: Address, work: () => Promise<void>): void {
    const piece = this.#turns
      .run(`${door} ${source}`, work)
      .catch((error: unknown) => this.#parts.log.error(String(error)))
      .finally(() => this.#pieces.delete(piece));
    this.#pieces.add(piece);
  }

  /** Never rejects. */
  async run(command: string, of: CommandOf): Promise<Outcome> {
    const { log, run, words, isDry } = this.#parts;
    const who = words().commandOf(of.door, of.source);
    const text = command.replaceAll('%IP%', of.source);
    log.info(`${who}: ${isDry() ? 'would run' : 'running'} command: ${text}`);
    if (isDry()) return { failure: null, isTaken: false };
    this.#running++;
    const result = await run(command, of).finally(() => this.#running--);
    if (result.isTaken === true) return { failure: null, isTaken: true };
    const failure = tellResult(result, who, log);
    this.#ran++;
    if (failure !== null) this.#failed++;
    return { failure, isTaken: false };
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.#pieces.size > 0) await Promise.all(this.#pieces);
  }
}
