/** Who may change the chains of this network. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { lockChains } from '../../src/firewall/chains-lock.ts';

const LONG_MS = 10_000;
let count = 0;
/** Another for each test, as the real one is shared with all that runs on this host. */
const newName = (): string => {
  count += 1;
  return `\0knocktail test ${process.pid}-${count}`.padEnd(108, '.');
};

it('the lock is held by one at a time, and by each in the end', async () => {
  const name = newName();
  let [inside, most, done] = [0, 0, 0];
  const change = async (): Promise<void> => {
    const lock = await lockChains(LONG_MS, name);
    expect(lock.keptBy).toBeNull();
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
    done += 1;
    lock.release();
  };
  await Promise.all(Array.from({ length: 10 }, change));
  expect([most, done]).toEqual([1, 10]);
});

it('who keeps the lock for too long is named', async () => {
  const name = newName();
  const first = await lockChains(LONG_MS, name);
  const second = await lockChains(50, name);
  expect(second.keptBy).toBe(`another knocktail (pid ${process.pid})`);
  second.release();
  expect((await lockChains(0, name)).keptBy).not.toBeNull();
  first.release();
  const third = await lockChains(0, name);
  expect(third.keptBy).toBeNull();
  third.release();
});

it('the lock of a process that was killed is free', async () => {
  const name = newName();
  const script = `require('net').createServer().listen(${JSON.stringify(name)}, () => console.log('up'))`;
  const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  expect((await lockChains(0, name)).keptBy).not.toBeNull();
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const lock = await lockChains(LONG_MS, name);
  expect(lock.keptBy).toBeNull();
  lock.release();
});

it('the lock has the longest name that a socket can have, so that all versions of Node mean the same', async () => {
  const { readFile } = await import('node:fs/promises');
  const lock = await lockChains(LONG_MS);
  const names = (await readFile('/proc/net/unix', 'utf8')).match(/@knocktail changes its chains\.*$/gm);
  lock.release();
  expect(names).toEqual([expect.stringMatching(/^@.{107}$/)]);
});
