/** `run -d`: the daemon once more, in the background, with its process id in a file. */

import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { EXIT, type ExitCode, KnocktailError, messageOf } from '../errors.ts';
import { replaceFileSync } from '../lib/atomic-write.ts';
import type { Io } from '../lib/io.ts';

/** Tells the daemon that it is the one in the background. */
const MARK = 'KNOCKTAIL_IN_BACKGROUND';

/** Whether this is the process that `toBackground` has started. Tells that once: commands do not inherit it. */
export function isInBackground(): boolean {
  const isIt = process.env[MARK] === '1';
  delete process.env[MARK];
  return isIt;
}

/**
 * Runs this command line in a session of its own, and waits until that is ready: what is wrong before then
 * is told here. Resolves to the exit code of the foreground.
 */
export async function toBackground({ stderr }: Pick<Io, 'stderr'>): Promise<ExitCode> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  child.stderr?.on('data', (text: Buffer) => stderr.write(text.toString()));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      stderr.write(`the daemon did not start: ${error.message}\n`);
      resolve(EXIT.SOFTWARE);
    });
    // Its one message says that it is ready, and goes on without us.
    child.on('message', () => {
      child.disconnect();
      child.stderr?.destroy();
      child.unref();
      resolve(EXIT.OK);
    });
    child.on('close', (status) => resolve(codeOf(status)));
  });
}

/** Writes the file and lets the foreground go. To be called when the daemon is ready. */
export function settleInBackground(pidfile: string): void {
  try {
    replaceFileSync(pidfile, `${process.pid}\n`, 0o644);
  } catch (cause) {
    throw new KnocktailError('the pid file cannot be written', {
      where: pidfile,
      value: messageOf(cause),
      exitCode: EXIT.IO,
      remedy: 'name another with pidfile or -p',
      cause,
    });
  }
  process.chdir('/');
  process.send?.('ready');
  process.disconnect?.();
}

/** Takes the file away, unless another daemon has written its own there. */
export function removePidfile(pidfile: string): void {
  try {
    if (readFileSync(pidfile, 'utf8').trim() === String(process.pid)) rmSync(pidfile);
  } catch {
    // It is gone already.
  }
}

function codeOf(status: number | null): ExitCode {
  return Object.values(EXIT).find((code) => code === status && code !== EXIT.OK) ?? EXIT.SOFTWARE;
}
