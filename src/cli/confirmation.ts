/** Lets a second command confirm what a first one has changed, by files in the state folder. */

import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { makeFolder, replaceFileSync } from '../lib/atomic-write.ts';

const PENDING = 'shut.pending';
const CONFIRMED = 'shut.confirmed';
const ANSWER_MS = 5_000;
const POLL_MS = 50;

const pendingSchema = z.strictObject({
  id: z.string(),
  pid: z.int().positive(),
  /** When that process began, as another may have its id some day. */
  start: z.string(),
  until: z.string(),
});

/** Changes that are taken back unless somebody confirms them. */
type Pending = z.output<typeof pendingSchema>;

/** Of the process that is to take the changes back. */
export class Confirmation {
  readonly #folder: string;
  readonly #id = randomBytes(16).toString('hex');

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Lets others confirm from now on.
   *
   * @param until when it is too late, as a person reads it
   * @throws KnocktailError 69 while other changes wait, 74 or 77 where the folder cannot be written
   */
  offer(until: string): void {
    const other = pendingIn(this.#folder);
    if (other !== null && other.pid !== process.pid) throw waiting(other);
    rmSync(join(this.#folder, CONFIRMED), { force: true });
    const pending: Pending = { id: this.#id, pid: process.pid, start: startOf(process.pid), until };
    write(this.#folder, PENDING, JSON.stringify(pending));
  }

  /** Whether somebody has confirmed. Only a file of the user who runs this counts. */
  isGiven(): boolean {
    const path = join(this.#folder, CONFIRMED);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile() || stats.uid !== process.geteuid?.()) return false;
    return textOf(path) === this.#id;
  }

  /** A confirmation that came too late is left in place, so that its author finds out. */
  end(isConfirmed: boolean): void {
    if (isConfirmed) rmSync(join(this.#folder, CONFIRMED), { force: true });
    rmSync(join(this.#folder, PENDING), { force: true });
  }
}

/**
 * Confirms what waits for it, and waits until that is accepted.
 *
 * @throws KnocktailError 69 where nothing waits, or it is too late
 */
export async function confirm(folder: string): Promise<void> {
  const pending = pendingIn(folder);
  if (pending === null) throw nothingWaits();
  write(folder, CONFIRMED, pending.id);
  const deadline = performance.now() + ANSWER_MS;
  while (pendingIn(folder)?.id === pending.id && performance.now() < deadline) await sleep(POLL_MS);
  const path = join(folder, CONFIRMED);
  if (textOf(path) !== pending.id) return;
  rmSync(path, { force: true });
  throw nothingWaits();
}

/** @throws KnocktailError 69 where changes wait to be confirmed */
export function requireNonePending(folder: string): void {
  const pending = pendingIn(folder);
  if (pending !== null) throw waiting(pending);
}

/** Null where none waits, or nobody is left to take the changes back. */
function pendingIn(folder: string): Pending | null {
  try {
    const { data } = pendingSchema.safeParse(JSON.parse(textOf(join(folder, PENDING))));
    return data !== undefined && startOf(data.pid) === data.start ? data : null;
  } catch {
    return null;
  }
}

/** In ticks since boot (field 22 of proc_pid_stat(5), after a name that may hold anything); empty where there is no such process. */
function startOf(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function write(folder: string, name: string, text: string): void {
  try {
    makeFolder(folder);
    replaceFileSync(join(folder, name), text);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    const isDenied = code === 'EACCES' || code === 'EPERM';
    throw new KnocktailError('cannot be written', {
      where: join(folder, name),
      value: messageOf(cause),
      exitCode: isDenied ? EXIT.NO_PERMISSION : EXIT.IO,
      remedy: isDenied
        ? 'run as root'
        : 'see to the folder, or name another with state: in the configuration',
      cause,
    });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function waiting({ until }: Pending): KnocktailError {
  return new KnocktailError('changes of another knocktail rules --shut wait to be confirmed', {
    exitCode: EXIT.UNAVAILABLE,
    remedy: `confirm them with knocktail rules --confirm, or wait until ${until}, when they are undone`,
  });
}

function nothingWaits(): KnocktailError {
  return new KnocktailError('nothing waits to be confirmed', {
    exitCode: EXIT.UNAVAILABLE,
    remedy: 'run knocktail rules --shut again: what is not confirmed in time is undone',
  });
}
