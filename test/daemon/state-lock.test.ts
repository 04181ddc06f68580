/** Which daemon a state folder belongs to. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { daemonOf, StateLock } from '../../src/daemon/state-lock.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';
import { until } from '../lab.ts';

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

  it('says whose it is', async () => {
    const lock = new StateLock();
    expect(await daemonOf(folder)).toBeNull();
    await lock.hold(folder);
    expect(await daemonOf(folder)).toEqual({ pid: process.pid, isInReach: true });
    lock.release();
    expect(await daemonOf(folder)).toBeNull();
  });

  it('is free after a daemon that was killed before it could answer', async () => {
    const lock = new StateLock();
    await lock.hold(folder);
    lock.release();
    const owner = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(join(folder, 'lock'))}, () => console.log('up'))`,
    ]);
    await once(owner.stdout, 'data');
    owner.kill('SIGSTOP');
    const asked = lock.hold(folder);
    const sockets = () => readFileSync('/proc/net/unix', 'utf8').split(join(folder, 'lock\n')).length - 1;
    await until(() => sockets() === 2, 'the connection waits to be accepted');
    owner.kill('SIGKILL');
    expect(await asked).toBeNull();
    lock.release();
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

  it('that cannot be written has no lock, for a reason', async () => {
    const file = join(scratchFolder(), 'file');
    writeFileSync(file, '');
    expect(await new StateLock().hold(join(file, 'state'))).toMatch(/ENOTDIR/);
  });

  it('may have a path that is too long for a socket', async () => {
    const long = join(folder, 'a'.repeat(200));
    const [first, second] = [new StateLock(), new StateLock()];
    expect(await first.hold(long)).toBeNull();
    await expect(second.hold(long)).rejects.toThrow(held);
    first.release();
    expect(await second.hold(long)).toBeNull();
    second.release();
    expect(readdirSync(long)).toEqual([]);
  });

  it('has one name in it while it is held, so that nothing piles up when daemons are killed', async () => {
    const lock = new StateLock();
    await lock.hold(folder);
    expect(readdirSync(folder)).toEqual(['lock']);
    lock.release();
  });

  it('is not left where what it was to be left for has failed', async () => {
    const [first, second] = [new StateLock(), new StateLock()];
    await first.hold(folder);
    const failing = first.hold(`${folder}-2`, () => Promise.reject(new Error('the configuration is wrong')));
    await expect(failing).rejects.toThrow('the configuration is wrong');
    await expect(second.hold(folder)).rejects.toThrow('uses this state folder');
    expect(await second.hold(`${folder}-2`)).toBeNull();
    for (const lock of [first, second]) lock.release();
  });

  it('of a process in another container is told as such', async () => {
    const other = new StateLock();
    await other.hold(folder);
    other.release();
    const server = createServer((socket) => socket.end('7 pid:[1]\n')).listen(join(folder, 'lock'));
    await once(server, 'listening');
    await expect(new StateLock().hold(folder)).rejects.toThrow(
      'another knocktail (pid 7 in another container) uses this state folder',
    );
    server.close();
  });

  it('is not locked where something else has the name of the lock', async () => {
    mkdirSync(join(folder, 'lock', 'x'), { recursive: true });
    expect(await new StateLock().hold(folder)).toMatch(/lock/);
    expect(readdirSync(folder)).toEqual(['lock']);
  });
});
