/** Which daemon a state folder belongs to. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StateLock } from '../../src/cli/state-lock.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

let folder: string;
beforeEach(() => {
  folder = join(scratchFolder(), 'state');
});

const held = `state: another knocktail (pid ${process.pid}) uses this state folder`;

describe('a state folder', () => {
  it('is one daemon’s until that gives it up', async () => {
    const [first, second] = [new StateLock(), new StateLock()];
    await first.hold(folder);
    await expect(second.hold(folder)).rejects.toThrow(held);
    first.release();
    await second.hold(folder);
    second.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('can be held again by the one that holds it, and is left for another', async () => {
    const [first, second] = [new StateLock(), new StateLock()];
    await first.hold(folder);
    await first.hold(folder);
    await first.hold(`${folder}-2`);
    await second.hold(folder);
    await expect(second.hold(`${folder}-2`)).rejects.toThrow('uses this state folder');
    for (const lock of [first, second]) lock.release();
  });

  it('is free after a daemon that was killed', async () => {
    const lock = new StateLock();
    await lock.hold(folder);
    lock.release();
    const owner = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(join(folder, 'lock'))}, () => console.log('up'))`,
    ]);
    await once(owner.stdout, 'data');
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(existsSync(join(folder, 'lock'))).toBe(true);
    await lock.hold(folder);
    lock.release();
  });

  it('is one daemon’s of many that find it free at once', async () => {
    const before = new StateLock();
    await before.hold(folder);
    before.release();
    writeFileSync(join(folder, 'lock'), 'left behind');
    const locks = Array.from({ length: 8 }, () => new StateLock());
    const results = await Promise.allSettled(locks.map((lock) => lock.hold(folder)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const lock of locks) lock.release();
  });

  it('stays another’s that does not say who it is', async () => {
    const other = new StateLock();
    await other.hold(folder);
    other.release();
    const server = createServer((socket) => socket.end('who?\n')).listen(join(folder, 'lock'));
    await once(server, 'listening');
    await expect(new StateLock().hold(folder)).rejects.toThrow('another knocktail uses this state folder');
    server.close();
  });

  it('that cannot be written has no lock', async () => {
    const file = join(scratchFolder(), 'file');
    writeFileSync(file, '');
    await new StateLock().hold(join(file, 'state'));
  });
});
