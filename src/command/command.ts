/** Runs one start or stop command, and finds out what became of one that another daemon has run. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { childEnvironment } from '../lib/environment.ts';
import type { Address } from '../model.ts';

/** Long, because knockd users let a start command sleep and then close the door itself. */
export const TIME_LIMIT_MS = 10 * 60 * 1000;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;
/** How long to wait for output after the exit: background processes of the command may keep the pipes open. */
const LAST_OUTPUT_MS = 100;
const OUTPUT_BYTES_MAX = 4 * 1024;

/*
 * The first shell to create the claim file runs the command, and writes its process id and the exit status there, even
 * if the daemon dies in the meantime. If the file cannot be created (disk full), the command runs all the same. The
 * shell ignores SIGTERM, which is meant for the command, so that it lives to write the status.
 */
const CLAIMED = `exec 4>&2 2>/dev/null
set -C
true > "$2" || [ ! -e "$2" ] || exit 0
trap : TERM
echo $$ >> "$2"
(exec /bin/sh -c "$1" 2>&4 4>&-)
status=$?
echo $status >> "$2"
exit $status`;
/** A shell reports death by a signal as this plus the number of the signal. */
const SIGNAL_STATUS = 128;

export interface CommandContext {
  readonly door: string;
  readonly source: Address;
  /** A file that tells other daemons that the command has begun and how it ended; null for none. */
  readonly claim: string | null;
}

export interface CommandResult {
  /** Null if a signal killed the command, or it never ran. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The first 4 KiB of stdout and stderr. */
  readonly output: string;
  /** Bytes of output beyond those. */
  readonly unshown: number;
  readonly timedOut: boolean;
  /** Why it never ran; null if it did. */
  readonly error: string | null;
  /** It did not run because another process had claimed it. */
  readonly isTaken?: boolean;
}

/**
 * Runs `/bin/sh -c COMMAND` in its own process group. `%IP%` becomes the client's address in canonical form, the only part
 * of a packet that reaches the shell. The environment is what `childEnvironment` keeps of the daemon's, plus `KNOCK_DOOR`
 * and `KNOCK_SOURCE`. Never rejects.
 */
export async function runCommand(
  command: string,
  context: CommandContext,
  limitMs = TIME_LIMIT_MS,
): Promise<CommandResult> {
  const text = withAddress(command, context.source);
  const { claim } = context;
  if (claim === null) return (await run(['-c', text], context, limitMs)).result;
  const { pid, result } = await run(['-c', CLAIMED, 'sh', text, claim], context, limitMs);
  const holder = await readFile(claim, 'utf8').catch(() => '');
  const isTaken = result.error === null && holder !== '' && Number.parseInt(holder, 10) !== pid;
  return isTaken ? { ...result, isTaken } : { ...result, ...endOfClaimed(result) };
}

/** The command as the shell gets it. */
export function withAddress(command: string, source: Address): string {
  return command.replaceAll('%IP%', source);
}

/** Why a command failed; null if it succeeded. */
export function failureOf({ error, timedOut, signal, status }: CommandResult): string | null {
  if (error !== null) return `cannot run command: ${error}`;
  if (timedOut) return 'command timed out and was killed';
  return signal === null ? failureOfStatus(status) : `command was killed by ${signal}`;
}

/** In the words of knockd. */
export function failureOfStatus(status: number | null): string | null {
  return status === 0 ? null : `command returned non-zero status code (${status})`;
}

interface Run {
  readonly pid: number | undefined;
  readonly result: CommandResult;
}

function run(argv: readonly string[], { door, source }: CommandContext, limitMs: number): Promise<Run> {
  const run = new Promise<Run>((resolve) => {
    const child: ChildProcess = spawn('/bin/sh', argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: childEnvironment({ KNOCK_DOOR: door, KNOCK_SOURCE: source }),
      detached: true,
    });
    const { pid } = child;
    const output = new Output(child);
    const limit = new TimeLimit(child, limitMs);
    const finish = (status: number | null, signal: NodeJS.Signals | null) => {
      limit.lift();
      output.release();
      resolve({ pid, result: { status, signal, ...output.shown(), timedOut: limit.passed, error: null } });
    };
    child.on('error', (error) => {
      limit.lift();
      resolve(neverRan(error));
    });
    child.on('exit', (status, signal) => {
      const late = setTimeout(finish, LAST_OUTPUT_MS, status, signal);
      child.on('close', () => {
        clearTimeout(late);
        finish(status, signal);
      });
    });
  });
  // Most failures to spawn are events, but a command that is too long for the kernel makes `spawn` throw.
  return run.catch(neverRan);
}

/** Restores the signal from the status of the shell around the command. */
function endOfClaimed({ status, signal }: CommandResult): Pick<CommandResult, 'status' | 'signal'> {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const name = names.find((each) => constants.signals[each] + SIGNAL_STATUS === status);
  return name === undefined ? { status, signal } : { status: null, signal: name };
}

function neverRan(error: unknown): Run {
  const reason = messageOf(error);
  const nothing = { status: null, signal: null, output: '', unshown: 0, timedOut: false };
  return { pid: undefined, result: { ...nothing, error: reason } };
}

/** Keeps the beginning of a child's output. The rest is read, so that the child does not block, and counted. */
class Output {
  readonly #pipes: readonly ChildProcess['stdout'][];
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #unshown = 0;

  /** A child has no pipes if the process is out of file descriptors; then `error` follows. */
  constructor({ stdout, stderr }: ChildProcess) {
    this.#pipes = [stdout, stderr];
    for (const pipe of this.#pipes) pipe?.on('data', (chunk: Buffer) => this.#add(chunk));
  }

  shown(): { output: string; unshown: number } {
    return { output: Buffer.concat(this.#chunks).toString(), unshown: this.#unshown };
  }

  /** Lets the daemon exit while a background process holds the pipes. They stay open for its output. */
  release(): void {
    for (const pipe of this.#pipes) if (pipe instanceof Socket) pipe.unref();
  }

  #add(chunk: Buffer): void {
    const part = chunk.subarray(0, OUTPUT_BYTES_MAX - this.#kept);
    if (part.length > 0) this.#chunks.push(part);
    this.#kept += part.length;
    this.#unshown += chunk.length - part.length;
  }
}

/** Kills the process group of a child that takes too long: SIGTERM first, then SIGKILL. */
class TimeLimit {
  passed = false;
  readonly #timer: NodeJS.Timeout;

  constructor({ pid }: ChildProcess, limitMs: number) {
    this.#timer = setTimeout(() => {
      this.passed = true;
      killGroup(pid, 'SIGTERM');
      // Not cancelled when the shell exits: other processes of its group may still run.
      setTimeout(killGroup, GRACE_MS, pid, 'SIGKILL').unref();
    }, limitMs);
  }

  lift(): void {
    clearTimeout(this.#timer);
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has exited in the meantime.
  }
}

/**
 * - `prevented`: a daemon made sure that it never begins.
 * - `interrupted`: begun, but something killed the shell before it could write the status.
 */
export type ClaimState = 'unclaimed' | 'prevented' | 'running' | 'interrupted' | { readonly status: number };

/** How often to look whether a command of another daemon has ended. */
const POLL_MS = 100;
/** What a daemon writes to a claim file in place of a process id. */
const PREVENTED = '0';

/** Finds out what became of a command of another daemon. */
export async function claimState(claim: string): Promise<ClaimState> {
  let { exists, pid, status } = await readClaim(claim);
  if (!exists) return 'unclaimed';
  // The shell creates the file first, and then writes its process id.
  if (pid === '') {
    await sleep(POLL_MS);
    ({ pid, status } = await readClaim(claim));
  }
  if (pid === PREVENTED) return 'prevented';
  if (status === '' && isRunning(pid, claim)) return 'running';
  // It may have ended after the file was read.
  if (status === '') ({ status } = await readClaim(claim));
  return status === '' ? 'interrupted' : { status: Number(status) };
}

/** Waits for a running command of another daemon, and kills it after `limitMs`. */
export async function claimEnd(claim: string, limitMs: number): Promise<Exclude<ClaimState, 'running'>> {
  const startedAt = performance.now();
  for (;;) {
    const state = await claimState(claim);
    if (state !== 'running') return state;
    const { pid } = await readClaim(claim);
    if (performance.now() - startedAt > limitMs && pid !== '') killGroup(Number(pid), 'SIGKILL');
    await sleep(POLL_MS);
  }
}

/** Claims a command that has not begun, so that it never will. Resolves to false if that fails. */
export async function preventCommand(claim: string): Promise<boolean> {
  try {
    await writeFile(claim, `${PREVENTED}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

/** Two lines, each empty as long as it is not written. */
async function readClaim(claim: string): Promise<{ exists: boolean; pid: string; status: string }> {
  const text = await readFile(claim, 'utf8').catch(() => null);
  const [pid = '', status = ''] = text?.split('\n') ?? [];
  return { exists: text !== null, pid, status };
}

/** Process ids are reused, but no other process has the claim on its command line. */
function isRunning(pid: string, claim: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(claim);
  } catch {
    return false;
  }
}
