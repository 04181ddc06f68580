import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { checkSecrecy } from '../../../src/tools/doctor/secrecy.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
  chmodSync(folder, 0o755);
});

/** A file of this mode in a folder of that mode. */
function file(path: string, mode: number, folderMode = 0o755): string {
  const [inside = '', name = ''] = path.split('/');
  mkdirSync(join(folder, inside), { recursive: true });
  writeFileSync(join(folder, path), name);
  chmodSync(join(folder, path), mode);
  chmodSync(join(folder, inside), folderMode);
  return join(folder, path);
}
const said = (path: string, ...oneTime: string[]) =>
  checkSecrecy(path, oneTime).map(({ status, detail }) => `${status}: ${detail}`);

it('nobody else can read or change what only its owner can', () => {
  expect(said(file('etc/knock.yaml', 0o600), file('etc/list', 0o640))).toEqual([]);
});

it('a folder further up that others can write to is as good as the file', () => {
  const path = file('etc/knock.yaml', 0o600);
  chmodSync(folder, 0o777);
  expect(said(path)).toEqual([expect.stringMatching(`^fail: ${folder} can be written by any local user`)]);
});

it('a folder that others can write to counts, too, where it is a symlink that leads there', () => {
  const target = file('open/knock.yaml', 0o600, 0o777);
  file('etc/x', 0o600);
  const link = join(folder, 'etc', 'knock.yaml');
  symlinkSync(target, link);
  expect(said(link)).toEqual([expect.stringMatching(`^fail: ${folder}/open can be written by any local`)]);
});

it('a file of one-time sequences is as secret as the configuration', () => {
  const config = file('etc/knock.yaml', 0o600);
  expect(said(config, file('etc/list', 0o644))).toEqual([
    `warn: ${folder}/etc/list can be read by any local user, who could knock`,
  ]);
  expect(said(config, file('etc/list', 0o602))).toEqual([
    `fail: ${folder}/etc/list can be written by any local user, who could open its door`,
  ]);
});
