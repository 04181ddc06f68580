/** Runs commands beside each other, at most 32 at once, those of one door and client one after the other. */

import type { Address } from '../model.ts';
import type { CommandCounts } from '../telemetry/counts.ts';
import type { Log } from '../telemetry/log.ts';
import { messagesFor } from '../telemetry/messages.ts';
import { type CommandContext, failureOf, type runCommand, withAddress } from './command.ts';

/** `taken`: it did not run because another process had claimed it. */
export type Outcome = 'done' | 'taken' | { readonly failure: string };

export interface RunnerParts {
  readonly run: typeof runCommand;
  readonly log: Log;
}

export interface RunnerSettings {
  /** Commands are logged and not run. */
  readonly isDry: boolean;
  readonly compat: 'none' | 'knockd';
}

const RUNNING_MAX = 32;

export class CommandRunner {
  readonly #parts: RunnerParts;
  readonly #queue = new KeyedQueue(RUNNING_MAX);
  #running = 0;
  #ran = 0;
  #failed = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  get counts(): Omit<CommandCounts, 'pending'> {
    return { ran: this.#ran, failed: this.#failed, running: this.#running };
  }

  /** Does this work when a place is free and all earlier work of the same door and client is done. */
  enqueue(door: string, source: Address, work: () => Promise<void>): void {
    this.#queue
      .run(`${door} ${source}`, work)
      .catch((error: unknown) => this.#parts.log.error(String(error)));
  }

  /** Runs a command at once, and logs it and its output. Never rejects. */
  async run(command: string, context: CommandContext, settings: RunnerSettings): Promise<Outcome> {
    const { log, run } = this.#parts;
    const who = messagesFor(settings.compat).commandOf(context.door, context.source);
    const verb = settings.isDry ? 'would run' : 'running';
    log.info(`${who}: ${verb} command: ${withAddress(command, context.source)}`);
    if (settings.isDry) return 'done';
    this.#running++;
    const result = await run(command, context).finally(() => this.#running--);
    if (result.isTaken === true) return 'taken';
    this.#ran++;
    for (const line of result.output.split('\n').filter((text) => text !== ''))
      log.info(`${who}: command output: ${line}`);
    if (result.unshown > 0) log.info(`${who}: command output: ${result.unshown} more bytes`);
    const failure = failureOf(result);
    if (failure === null) return 'done';
    this.#failed++;
    log.warn(`${who}: ${failure}`);
    return { failure };
  }

  /** Resolves when the queue is empty and nothing runs. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }
}

/** Does work of different keys beside each other, up to a limit; work of one key never overlaps or overtakes. */
export class KeyedQueue {
  readonly #limit: number;
  readonly #waiting: { readonly key: string; readonly begin: () => void }[] = [];
  readonly #busy = new Set<string>();
  readonly #work = new Set<Promise<unknown>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const done = this.#run(key, work).finally(() => this.#work.delete(done));
    this.#work.add(done);
    return done;
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }

  async #run<T>(key: string, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ key, begin });
      this.#beginNext();
    });
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
      this.#beginNext();
    }
  }

  #beginNext(): void {
    if (this.#busy.size >= this.#limit) return;
    // Work is queued in order, so the first whose key is free is also the next of that key.
    const at = this.#waiting.findIndex(({ key }) => !this.#busy.has(key));
    for (const { key, begin } of at < 0 ? [] : this.#waiting.splice(at, 1)) {
      this.#busy.add(key);
      begin();
    }
  }
}
