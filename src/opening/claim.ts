/** The file that a command has claimed before it ran -> whether it runs still, how it ended, or that it was cut off. */

import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { endGroup } from './command.ts';

/** Between two looks at a command of another daemon. */
const LOOK_MS = 100;
/** Whoever has just claimed a command has not said yet who it is. */
const NOBODY = 0;

/** `none`: nobody has claimed it. `cut off`: it was begun, and what has ended it was not itself. */
export type Left = 'none' | 'cut off' | 'running' | { readonly status: number };

/** What is known of a command of another daemon now. */
export async function leftBy(claim: string): Promise<Left> {
  let { pid, status } = await readClaim(claim);
  if (pid === NOBODY) {
    await sleep(LOOK_MS);
    ({ pid, status } = await readClaim(claim));
  }
  if (status !== null) return { status };
  if (pid === null) return 'none';
  if (isRunning(pid, claim)) return 'running';
  // It may have ended, and said so, since the file was read.
  const after = await readClaim(claim);
  return after.status === null ? 'cut off' : { status: after.status };
}

/** Waits for the end of a command of another daemon that runs, and sees to it that it comes. */
export async function endOf(claim: string, limitMs: number): Promise<Exclude<Left, 'running'>> {
  const begun = performance.now();
  for (;;) {
    const left = await leftBy(claim);
    if (left !== 'running') return left;
    const { pid } = await readClaim(claim);
    if (performance.now() - begun > limitMs && pid !== null) endGroup(pid, 'SIGKILL');
    await sleep(LOOK_MS);
  }
}

/** Keeps a command that has not begun from beginning. Resolves to false when that cannot be made sure of. */
export async function prevent(claim: string): Promise<boolean> {
  try {
    await writeFile(claim, `${NOBODY}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

async function readClaim(claim: string): Promise<{ pid: number | null; status: number | null }> {
  const text = await readFile(claim, 'utf8').catch(() => null);
  if (text === null) return { pid: null, status: null };
  const [pid = '', status = ''] = text.split('\n');
  return { pid: Number(pid), status: status === '' ? null : Number(status) };
}

/** A process id is given to others in time, but none of those has the claim on its command line. */
function isRunning(pid: number, claim: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(claim);
  } catch {
    return false;
  }
}
