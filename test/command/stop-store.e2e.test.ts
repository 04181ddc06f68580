/** Pending stop commands on a disk that is full or read-only. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StopFolder, StopStore } from '../../src/command/stop-store.ts';
import { describeWith } from '../lab/describe.ts';
import { removeFolder } from '../lab/remove-folder.ts';
import { stop } from './saved-stop.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'knocktail-test-')), 'state', 'stops');
});
afterEach(() => removeFolder(join(folder, '..', '..')));

const storeOn = () => new StopStore(new StopFolder(folder), { warn: () => undefined });
const idsOnDisk = async () => (await storeOn().read()).map(({ id }) => Number.parseInt(id, 16));

describeWith(['root'], 'a real disk', () => {
  afterEach(() => execFileSync('umount', ['-l', join(folder, '..')], { stdio: 'ignore' }));

  const mount = (options: string): void => {
    mkdirSync(join(folder, '..'), { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', join(folder, '..')]);
  };

  it('that is full keeps what it has, and stores more once there is space', async () => {
    mount('size=64k');
    const store = storeOn();
    await store.save(stop(1));
    const ballast = join(folder, '..', 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024))).toThrow('ENOSPC');
    const kept: boolean[] = [];
    for (let number = 2; number < 40; number++) kept.push(await store.save(stop(number)));
    expect(kept).toContain(false);
    expect(await idsOnDisk()).toEqual([1, ...kept.flatMap((isKept, index) => (isKept ? [index + 2] : []))]);
    rmSync(ballast);
    expect(await store.save(stop(99))).toBe(true);
    expect(await idsOnDisk()).toHaveLength(40);
  });

  it('that becomes read-only keeps what it has', async () => {
    mount('size=1m');
    const store = storeOn();
    await store.save(stop(1));
    execFileSync('mount', ['-o', 'remount,ro', join(folder, '..')]);
    expect(await store.save(stop(2))).toBe(false);
    expect(await idsOnDisk()).toEqual([1]);
    execFileSync('mount', ['-o', 'remount,rw', join(folder, '..')]);
    expect(await store.save(stop(3))).toBe(true);
    expect(await idsOnDisk()).toEqual([1, 2, 3]);
  });
});
