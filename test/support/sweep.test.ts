/** What is left of a run of tests that was interrupted. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';

const SWEEP = fileURLToPath(new URL('./sweep.mjs', import.meta.url));

/** A folder and a process of another run, and what tidies up after that. */
function run() {
  const folder = join(scratchFolder(), 'kts-other');
  mkdirSync(folder);
  writeFileSync(join(folder, 'kern.log'), 'x');
  const left = spawn('sleep', ['60'], { env: { ...process.env, KNOCKTAIL_SUITE: folder }, stdio: 'ignore' });
  const sweeper = spawn(process.execPath, [SWEEP, folder], { stdio: ['pipe', 'ignore', 'inherit'] });
  return { folder, left, sweeper };
}

it('an interrupted run leaves no process and no folder', async () => {
  const { folder, left, sweeper } = run();
  await once(left, 'spawn');
  const ended = Promise.all([once(left, 'exit'), once(sweeper, 'exit')]);
  sweeper.stdin.end();
  const [[, signal]] = await ended;
  expect(signal).toBe('SIGKILL');
  expect(existsSync(folder)).toBe(false);
});

it('a run that has ended by itself is left to end its own processes', async () => {
  const { folder, left, sweeper } = run();
  const ended = once(sweeper, 'exit');
  sweeper.stdin.end('done\n');
  await ended;
  expect([left.exitCode, left.signalCode, existsSync(folder)]).toEqual([null, null, false]);
  left.kill('SIGKILL');
});
