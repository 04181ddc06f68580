/** Runs a program that prints lines, and restarts it when it ends. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { childEnvironment } from '../lib/environment.ts';
import type { LineEvent, Micros } from '../model.ts';
import { ChangeWatcher } from './change-watcher.ts';
import { bootClock } from './clock.ts';
import { pipesAreRead } from './event-loop.ts';
import { lost } from './notice.ts';

const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** How long a program that was started again may take before it says something. */
const SETTLE_MS = 10_000;
/** A program that neither says something nor rests is not waited for any longer. */
const STALLED_MS = 60_000;
/** States of /proc/PID/stat (proc(5)): running, or waiting for a processor; waiting for a disk; stopped. */
const AT_WORK = /^[RDTt]$/;

export type Part = Pick<Extract<LineEvent, { readonly kind: 'lines' }>, 'bytes' | 'again' | 'place'>;

/** What a source makes of what its program says. */
export interface ProgramLog {
  /** What the program is called. */
  readonly name: string;
  /** Starts it, to go on where it has ended before. */
  start(): Promise<Program>;
  /** It has ended by itself and said nothing: it cannot go on there. */
  giveUp(): void;
  /** @param chunk what the program has said next, from its start on, cut anywhere */
  convert(chunk: Buffer): readonly Part[];
}

export interface ProgramOptions {
  readonly signal: AbortSignal;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady: boolean | undefined;
}

/** Nothing of it is lost while nobody reads: it waits for room in the pipe. */
export class Program {
  readonly #child: ChildProcess;
  readonly #wake: ChangeWatcher;
  #ending: string | null = null;
  #hasEndedItself = false;
  #complaint = '';

  /** @param program its absolute path */
  constructor(program: string, argv: readonly string[], { signal, isSteady }: ProgramOptions) {
    this.#wake = new ChangeWatcher({ signal, isSteady });
    this.#child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], env: childEnvironment() });
    for (const event of ['readable', 'end']) this.#child.stdout?.on(event, this.#wake.notify);
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaint = text.toString().trim();
    });
    this.#child.on('error', (error) => this.#over(error.message));
    this.#child.on('close', (status, by) => {
      // Where it could not be started, Node gives the error, which is negative.
      this.#hasEndedItself = status !== null && status >= 0;
      this.#over(this.#complaint || `status ${status ?? by}`);
    });
  }

  /** How it ended; null while it runs. What it said before can still be read. */
  get ending(): string | null {
    return this.#ending;
  }

  /** Whether it ran, and nobody killed it. */
  get hasEndedItself(): boolean {
    return this.#hasEndedItself;
  }

  /** Whether it waits for something to come. One that is at work, or was stopped, may have lines that it has not said. */
  get isAtRest(): boolean {
    try {
      const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1');
      // The name of the program stands in parentheses, and may hold any byte.
      return !AT_WORK.test(stat.charAt(stat.lastIndexOf(')') + 2));
    } catch {
      return true;
    }
  }

  /** What it has said since the last time; null when there is nothing new. */
  read(): Buffer | null {
    return this.#child.stdout?.read() ?? null;
  }

  /** Resolves when it says something or ends, when it is time for a look, or when aborted. */
  next(): Promise<boolean> {
    return this.#wake.next();
  }

  end(): void {
    this.#wake.close();
    this.#child.kill('SIGTERM');
  }

  #over(how: string): void {
    this.#ending ??= how;
    this.#wake.notify();
  }
}

/**
 * The lines that a program tells, until the signal aborts. It is `drained` when it has said something, or rests; one
 * that was started again, not before it has had the time to say what has come meanwhile.
 */
export async function* followProgram(
  log: ProgramLog,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: () => Micros },
): AsyncGenerator<LineEvent, void, void> {
  let restartMs = FIRST_RESTART_MS;
  let drainedMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const program = await log.start();
    const startedMs = performance.now();
    let hasSaid = false;
    try {
      for (let isOver = false; !isOver && !signal.aborted; ) {
        const at = clock();
        await pipesAreRead();
        isOver = program.ending !== null;
        let isRead = false;
        for (let chunk = program.read(); chunk !== null; chunk = program.read()) {
          isRead = true;
          for (const part of log.convert(chunk)) {
            yield { kind: 'lines', ...part, readAt: clock(), bootedAt: bootClock() };
            restartMs = FIRST_RESTART_MS;
            hasSaid = true;
          }
        }
        const nowMs = performance.now();
        const isSettled = hasSaid || nowMs - startedMs > SETTLE_MS;
        if (isRead || nowMs - drainedMs > STALLED_MS || (isSettled && !isOver && program.isAtRest)) {
          yield { kind: 'drained', at, isComplete: false };
          drainedMs = nowMs;
        }
        if (!isOver) await program.next();
      }
    } finally {
      program.end();
    }
    if (signal.aborted) return;
    if (!hasSaid && program.hasEndedItself) log.giveUp();
    yield lost(`${log.name} has ended (${program.ending}), starting it again`);
    const rest = new ChangeWatcher({ signal, pollMs: restartMs });
    await rest.next();
    rest.close();
    restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS);
  }
}
