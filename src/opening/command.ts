/** A user's start or stop command -> what became of it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { childEnvironment } from '../environment.ts';
import { messageOf } from '../errors.ts';
import type { Address } from '../model.ts';

/** Long, since knockd's users let a start command sleep and shut the door itself. */
export const TIME_LIMIT_MS = 10 * 60 * 1000;
/** Between the request to end and the end. */
const GRACE_MS = 5_000;
/** How long output may still come once the command has ended: what it left in the background may hold the pipes. */
const LAST_OUTPUT_MS = 100;
const OUTPUT_LIMIT = 4 * 1024;

/*
 * Runs a command for whoever creates the file first, and writes down there who runs it and how it ended, whether or not
 * the daemon lives to see it. A disk that is full keeps no command from running. TERM is for the command: the shell
 * around it lives on to tell.
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
/** What a shell adds to the signal that has ended a command. */
const SIGNAL_STATUS = 128;

export interface CommandOf {
  readonly door: string;
  readonly source: Address;
  /** A file by which others know that the command was begun, and how it ended; null where nobody is to know. */
  readonly claim: string | null;
}

export interface CommandResult {
  /** Exit status; null when a signal ended the command, or it never ran. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The first 4 KiB of what it wrote to stdout and stderr. */
  readonly output: string;
  /** Bytes it wrote beyond those. */
  readonly unshown: number;
  readonly timedOut: boolean;
  /** Why it never ran; null when it did. */
  readonly error: string | null;
  /** It did not run, as another process had claimed it. */
  readonly isTaken?: boolean;
}

/**
 * Runs `/bin/sh -c COMMAND` in a process group of its own, with each `%IP%` replaced by the source: an address in
 * canonical form, the only thing of a packet that reaches the shell. `KNOCK_DOOR` and `KNOCK_SOURCE` are in its
 * environment, and of the daemon's what `childEnvironment` keeps. Never rejects.
 */
export async function runCommand(
  command: string,
  of: CommandOf,
  limitMs = TIME_LIMIT_MS,
): Promise<CommandResult> {
  const text = command.replaceAll('%IP%', of.source);
  const { claim } = of;
  if (claim === null) return (await run(['-c', text], of, limitMs)).result;
  const { pid, result } = await run(['-c', CLAIMED, 'sh', text, claim], of, limitMs);
  const holder = await readFile(claim, 'utf8').catch(() => '');
  const isTaken = result.error === null && holder !== '' && Number.parseInt(holder, 10) !== pid;
  return isTaken ? { ...result, isTaken } : { ...result, ...endOfClaimed(result) };
}

interface Run {
  readonly pid: number | undefined;
  readonly result: CommandResult;
}

function run(argv: readonly string[], { door, source }: CommandOf, limitMs: number): Promise<Run> {
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
  // Most failures to spawn come as an event; that of a command too long for the kernel is thrown.
  return run.catch(neverRan);
}

/** The shell around a command tells in its own status of the signal that has ended it. */
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

/** The beginning of what a child writes; the rest is read, lest the child block, and counted. */
class Output {
  readonly #pipes: readonly ChildProcess['stdout'][];
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #unshown = 0;

  /** Where the process has no descriptor left, a child has no pipes (and an `error` to come). */
  constructor({ stdout, stderr }: ChildProcess) {
    this.#pipes = [stdout, stderr];
    for (const pipe of this.#pipes) pipe?.on('data', (chunk: Buffer) => this.#add(chunk));
  }

  shown(): { output: string; unshown: number } {
    return { output: Buffer.concat(this.#chunks).toString(), unshown: this.#unshown };
  }

  /** Lets the process end although a background job holds the pipes. They stay open: that job may write on. */
  release(): void {
    for (const pipe of this.#pipes) if (pipe instanceof Socket) pipe.unref();
  }

  #add(chunk: Buffer): void {
    const part = chunk.subarray(0, OUTPUT_LIMIT - this.#kept);
    if (part.length > 0) this.#chunks.push(part);
    this.#kept += part.length;
    this.#unshown += chunk.length - part.length;
  }
}

/** Ends a child's whole group when its time is over, at first by asking. */
class TimeLimit {
  passed = false;
  readonly #timer: NodeJS.Timeout;

  constructor({ pid }: ChildProcess, limitMs: number) {
    this.#timer = setTimeout(() => {
      this.passed = true;
      endGroup(pid, 'SIGTERM');
      // Goes on when the shell itself has ended: others of its group may not have.
      setTimeout(endGroup, GRACE_MS, pid, 'SIGKILL').unref();
    }, limitMs);
  }

  lift(): void {
    clearTimeout(this.#timer);
  }
}

/** Ends a whole process group; one that has gone is no failure. */
export function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended by itself since.
  }
}
