/** Who may change or read a configuration that is run as root. */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { requireTrusted } from '../../src/config/config-trust.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isWritableByOthers } from '../../src/lib/permissions.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const NO_DOORS = { doors: new Map() };
const warned = (...args: Parameters<typeof requireTrusted>): string[] =>
  requireTrusted(...args).map(({ path, text }) => `${path}: ${text}`);
let folder: string;
let path: string;
beforeEach(() => {
  folder = scratchFolder();
  chmodSync(folder, 0o755);
  path = join(folder, 'knock.yaml');
  writeFileSync(path, 'doors: {}\n');
});

describe('a configuration', () => {
  it.each([0o600, 0o640, 0o400])('of mode %o is taken without a word', (mode) => {
    chmodSync(path, mode);
    expect(warned(path, NO_DOORS)).toEqual([]);
  });

  it('that any local user can read comes with a warning', () => {
    chmodSync(path, 0o644);
    expect(warned(path, NO_DOORS)).toEqual([
      `${path}: any local user can read it, and so knock; run: chmod o-r ${path}`,
    ]);
  });

  it.each([0o602, 0o646, 0o666])('of mode %o is refused', (mode) => {
    chmodSync(path, mode);
    expect(() => requireTrusted(path, NO_DOORS)).toThrow(
      `${path}: can be changed by any local user, and with it the commands that are run, run: chmod go-w ${path}`,
    );
  });

  it('in a folder that others can write to is refused', () => {
    chmodSync(path, 0o600);
    chmodSync(folder, 0o777);
    expect(() => requireTrusted(path, NO_DOORS)).toThrow(`run: chmod go-w ${folder}`);
    chmodSync(folder, 0o1777);
    expect(warned(path, NO_DOORS)).toEqual([]);
  });

  it('whose one-time sequences others can change is refused, and one where they can read them warned of', () => {
    chmodSync(path, 0o600);
    const list = join(folder, 'list');
    const { config } = loadConfig(
      'doors: { a: { one_time_sequences: /x, close: b }, b: { sequence: [9, 1], open: { port: 22 } } }',
    );
    const { doors } = config ?? expect.fail();
    const a = doors.get('a') ?? expect.fail();
    const withList = { doors: new Map([...doors, ['a', { ...a, oneTimeSequences: list }] as const]) };
    expect(warned(path, withList), 'there is none yet').toEqual([]);
    writeFileSync(list, '1,2\n', { mode: 0o600 });
    expect(warned(path, withList)).toEqual([]);
    chmodSync(list, 0o644);
    expect(warned(path, withList)).toEqual([
      `${list}: any local user can read it, and so knock; run: chmod o-r ${list}`,
    ]);
    chmodSync(list, 0o606);
    expect(() => requireTrusted(path, withList)).toThrow(
      `${list}: can be changed by any local user, and with it the sequences of a door, run: chmod go-w ${list}`,
    );
  });
});

it('a group that may write is one of others, but for root’s', () => {
  const gid = 1_000;
  expect(isWritableByOthers({ mode: 0o100_660, gid })).toBe(true);
  expect(isWritableByOthers({ mode: 0o100_660, gid: 0 })).toBe(false);
  expect(isWritableByOthers({ mode: 0o100_640, gid })).toBe(false);
  expect(isWritableByOthers({ mode: 0o041_770, gid })).toBe(false);
  expect(isWritableByOthers({ mode: 0o101_660, gid }), 'a sticky file is a file').toBe(true);
});
