import {
  closeSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import {
  makeFolder,
  openToAppend,
  replaceFile,
  replaceFileSync,
  writeOut,
} from '../../src/lib/atomic-write.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

it('a file is replaced, or made, and nothing else is left there', async () => {
  const path = join(folder, 'file');
  for (const text of ['old', 'new']) {
    await replaceFile(path, (file) => file.writeFile(text));
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
  expect(readdirSync(folder)).toEqual(['file']);
});

it('a file that cannot be filled, or put in place, stays what it was', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const half = replaceFile(path, async (file) => {
    await file.writeFile('ne');
    throw new Error('no such luck');
  });
  await expect(half).rejects.toThrow('no such luck');
  mkdirSync(join(folder, 'taken', 'by'), { recursive: true });
  await expect(replaceFile(join(folder, 'taken'), (file) => file.writeFile('x'))).rejects.toThrow();
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder).sort()).toEqual(['file', 'taken']);
});

it('a symlink that somebody has put in the way is replaced, and what it leads to is not', async () => {
  const [victim, path] = [join(folder, 'victim'), join(folder, 'file')];
  writeFileSync(victim, 'mine');
  for (const replace of [
    () => replaceFile(path, (file) => file.writeFile('new')),
    async () => replaceFileSync(path, 'new'),
  ]) {
    rmSync(path, { force: true });
    symlinkSync(victim, path);
    await replace();
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  }
  expect(readdirSync(folder).sort()).toEqual(['file', 'victim']);
});

it('a device is written to, by a symlink of ours as well', async () => {
  symlinkSync('/dev/null', join(folder, 'page'));
  for (const path of [join(folder, 'page'), '/dev/null']) {
    await writeOut(path, 'page', 0o644);
    expect(statSync(path).isCharacterDevice()).toBe(true);
  }
});

it('a file is added to through a symlink of ours', () => {
  const [target, path] = [join(folder, 'target'), join(folder, 'log')];
  symlinkSync(target, path);
  closeSync(openToAppend(path, 0o640));
  expect(statSync(target).mode & 0o777).toBe(0o640);
});

it('a file that is replaced at once stays what it was where that fails', () => {
  mkdirSync(join(folder, 'taken', 'by'), { recursive: true });
  expect(() => replaceFileSync(join(folder, 'taken'), 'x')).toThrow();
  expect(readdirSync(folder)).toEqual(['taken']);
});

it('a folder is made with those above it, for its owner alone, and the first that was made is told', () => {
  const path = join(folder, 'a', 'b', 'c');
  expect(makeFolder(path)).toBe(join(folder, 'a'));
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  expect(makeFolder(path)).toBeNull();
  expect(makeFolder(join(path, 'd'))).toBe(join(path, 'd'));
});

it.each([
  ['/proc/knocktail/state', 'ENOENT'],
  ['/dev/null/state', 'ENOTDIR'],
])('a folder that cannot be made (%s) is an error', (path, code) => {
  expect(() => makeFolder(path)).toThrow(code);
});
