/** Files of other users that stand where ours are to be written. */

import { execFileSync } from 'node:child_process';
import { lchownSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { openToAppend, writeOut } from '../../src/lib/atomic-write.ts';
import { describeWith } from '../lab/describe.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

describeWith(['root'], 'a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = scratchFolder();
  });

  it('that is a symlink or a pipe of somebody else is replaced', async () => {
    const [victim, path] = [join(folder, 'victim'), join(folder, 'page')];
    writeFileSync(victim, 'mine');
    for (const target of [victim, '/dev/null']) {
      rmSync(path, { force: true });
      symlinkSync(target, path);
      lchownSync(path, 65_534, 65_534);
      await writeOut(path, 'page', 0o644);
      expect(lstatSync(path).isFile()).toBe(true);
    }
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    rmSync(path);
    execFileSync('mkfifo', [path]);
    lchownSync(path, 65_534, 65_534);
    await writeOut(path, 'page', 0o644);
    expect(readFileSync(path, 'utf8')).toBe('page');
  });

  it('is not added to through a symlink of somebody else', () => {
    const path = join(folder, 'log');
    symlinkSync(join(folder, 'target'), path);
    lchownSync(path, 65_534, 65_534);
    expect(() => openToAppend(path, 0o640)).toThrow('a symlink that another user made');
  });
});
