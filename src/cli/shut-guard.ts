/** Makes the changes of `rules --shut` in a process that outlives the terminal, and takes them back unless they are confirmed. */

import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { lockChains } from '../firewall/chains-lock.ts';
import { Iptables } from '../firewall/iptables.ts';
import type { Change } from '../firewall/operation.ts';
import { childEnvironment } from '../lib/environment.ts';
import type { Io } from '../lib/io.ts';
import { shortTime } from '../lib/time.ts';
import { US_PER_MS } from '../model.ts';
import { whileLocked } from '../tools/setup/apply.ts';
import { makeChanges, takeBack } from '../tools/setup/apply-changes.ts';
import type { Spec } from '../tools/setup/chains.ts';
import type { Made } from '../tools/setup/undo.ts';
import { Confirmation } from './confirmation.ts';

const COMMAND = 'shut-guard';
const POLL_MS = 100;
/** Somebody else may hold the lock of iptables, which a single change waits for by itself for 20 s. */
const TRIES = 10;
const BETWEEN_TRIES_MS = 1_000;
const LOCK_MS = 2_000;

const spec = z.array(z.string()).readonly();
const changeSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('insert'), chain: z.string(), at: z.int().positive(), spec }),
  z.strictObject({ op: z.literal('delete'), chain: z.string(), spec }),
]) satisfies z.ZodType<Change>;
const familySchema = z.strictObject({
  /** The path of its iptables. */
  program: z.string(),
  changes: z.array(changeSchema).readonly(),
  /** The chains that are changed, as they were when the changes were planned. */
  expected: z.array(z.tuple([z.string(), z.array(spec).readonly()]).readonly()).readonly(),
});
const orderSchema = z.strictObject({
  families: z.array(familySchema).readonly(),
  limitMs: z.int().positive(),
  /** The state folder. */
  folder: z.string(),
});
const wordSchema = z.enum(['confirm', 'undo']);
const reportSchema = z.discriminatedUnion('is', [
  /** Sent right before a change is made. */
  z.strictObject({
    is: z.literal('made'),
    program: z.string(),
    change: changeSchema,
    before: z.array(spec).readonly(),
  }),
  z.strictObject({ is: z.literal('waiting'), until: z.string() }),
  z.strictObject({ is: z.literal('confirmed') }),
  z.strictObject({ is: z.literal('undone'), why: z.string() }),
  z.strictObject({ is: z.literal('stuck'), why: z.string() }),
]);

export type ShutFamily = z.output<typeof familySchema>;
export type ShutOrder = z.output<typeof orderSchema>;
type Report = z.output<typeof reportSchema>;

/** How it ended, and why nothing stays of it. */
export type ShutEnd =
  | { readonly is: 'confirmed' }
  | { readonly is: 'undone'; readonly why: string }
  /** Some changes could not be taken back. */
  | { readonly is: 'stuck'; readonly why: string };

/** The changes that were made, by the program of their family. */
class Record {
  readonly #made = new Map<string, Made[]>();

  add(program: string, made: Made): void {
    this.#made.set(program, [...(this.#made.get(program) ?? []), made]);
  }

  /** Tries again where it fails. Resolves to why it failed to the end; null where all is as it was. */
  async takeBack(): Promise<string | null> {
    let trouble: string | null = null;
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await sleep(BETWEEN_TRIES_MS);
      trouble = null;
      // Where another knocktail keeps the lock, the changes are taken back all the same.
      const lock = await lockChains(LOCK_MS);
      for (const [program, made] of this.#made) {
        await takeBack(new Iptables(program), made).catch((error: unknown) => {
          trouble = messageOf(error);
        });
      }
      lock.release();
      if (trouble === null) return null;
    }
    return trouble;
  }
}

/**
 * Makes changes that stay. Where one fails, those before it are taken back.
 *
 * @throws KnocktailError what made it fail
 */
export async function shutForGood(families: readonly ShutFamily[]): Promise<void> {
  const record = new Record();
  try {
    await make(families, (program, made) => record.add(program, made));
  } catch (error) {
    const trouble = await record.takeBack();
    if (trouble === null || !(error instanceof KnocktailError)) throw error;
    throw new KnocktailError(error.what, {
      exitCode: error.exitCode,
      remedy: `see to the rules yourself, as not all was taken back: ${trouble}`,
      cause: error,
    });
  }
}

/** That process, as the one sees it that has started it. */
export class ShutGuard {
  readonly #child: ChildProcess;
  readonly #record = new Record();
  readonly #waiting: (until: string) => void;
  /** Never rejects. Should the process be killed, the changes are taken back from here. */
  readonly ended: Promise<ShutEnd>;

  /** @param waiting is called once all changes are made, with the time of day at which they are taken back */
  constructor(order: ShutOrder, waiting: (until: string) => void) {
    this.#waiting = waiting;
    // In a session of its own: neither a hangup nor Ctrl-C of the terminal gets there.
    this.#child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 2), COMMAND], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: childEnvironment(),
    });
    this.ended = this.#follow();
    this.#child.send(order, () => undefined);
  }

  confirm(): void {
    this.#say('confirm');
  }

  undo(): void {
    this.#say('undo');
  }

  #say(word: z.output<typeof wordSchema>): void {
    // Where it is gone already, `ended` tells.
    if (this.#child.connected) this.#child.send(word, () => undefined);
  }

  async #follow(): Promise<ShutEnd> {
    const told = await new Promise<ShutEnd | null>((resolve) => {
      this.#child.on('error', () => resolve(null));
      this.#child.on('exit', () => resolve(null));
      this.#child.on('message', (message: unknown) => {
        const end = this.#hear(reportSchema.parse(message));
        if (end !== null) resolve(end);
      });
    });
    if (told !== null) return told;
    const trouble = await this.#record.takeBack();
    const why = 'the process that was to wait for a confirmation has ended';
    return trouble === null ? { is: 'undone', why } : { is: 'stuck', why: trouble };
  }

  #hear(report: Report): ShutEnd | null {
    switch (report.is) {
      case 'made':
        this.#record.add(report.program, report);
        return null;
      case 'waiting':
        this.#waiting(report.until);
        return null;
      default:
        return report;
    }
  }
}

/** The process itself. It is no command for people. */
export function addShutGuard(program: Command, io: Io): void {
  program.command(COMMAND, { hidden: true }).action(async () => {
    // TERM and INT take the changes back; HUP does nothing.
    io.stay(() => undefined);
    const words = new Messages(io.signal);
    const order = await words.order();
    if (order === null)
      throw new KnocktailError('is run by knocktail rules --shut', { exitCode: EXIT.USAGE });
    report(await guard(order, words));
    io.finish(EXIT.OK);
  });
}

async function guard({ families, limitMs, folder }: ShutOrder, words: Messages): Promise<ShutEnd> {
  const record = new Record();
  const confirmation = new Confirmation(folder);
  let isConfirmed = false;
  let why = `nobody confirmed it within ${limitMs / 1_000} s`;
  try {
    const deadline = performance.now() + limitMs;
    const now = Date.now();
    const until = shortTime((now + limitMs) * US_PER_MS, now * US_PER_MS);
    confirmation.offer(until);
    await make(families, (program, { change, before }) => {
      record.add(program, { change, before });
      report({ is: 'made', program, change, before });
    });
    report({ is: 'waiting', until });
    while (performance.now() < deadline && !words.isToUndo && !isConfirmed) {
      await sleep(POLL_MS);
      isConfirmed = words.isToConfirm || confirmation.isGiven();
    }
    if (words.isToUndo) why = 'you asked for it';
  } catch (error) {
    why = messageOf(error);
  }
  const trouble = isConfirmed ? null : await record.takeBack();
  confirmation.end(isConfirmed);
  if (isConfirmed) return { is: 'confirmed' };
  return trouble === null ? { is: 'undone', why } : { is: 'stuck', why: trouble };
}

async function make(
  families: readonly ShutFamily[],
  made: (program: string, made: Made) => void,
): Promise<void> {
  await whileLocked(async () => {
    for (const { program, changes, expected } of families) {
      const rules = new Map<string, readonly Spec[]>(expected);
      await makeChanges(new Iptables(program), changes, rules, (each) => made(program, each));
    }
  });
}

/** What the process that has started this one says. It may be gone. */
class Messages {
  readonly #order: Promise<ShutOrder | null>;
  readonly #signal: AbortSignal;
  isToConfirm = false;
  #isToUndo = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.#order = new Promise((resolve) => {
      if (process.send === undefined) resolve(null);
      process.on('disconnect', () => resolve(null));
      process.on('message', (message: unknown) => {
        const word = wordSchema.safeParse(message).data;
        if (word === undefined) resolve(orderSchema.parse(message));
        this.isToConfirm ||= word === 'confirm';
        this.#isToUndo ||= word === 'undo';
      });
    });
  }

  get isToUndo(): boolean {
    return this.#isToUndo || this.#signal.aborted;
  }

  order(): Promise<ShutOrder | null> {
    return this.#order;
  }
}

function report(message: Report): void {
  if (process.connected) process.send?.(message, () => undefined);
}
