/** Which users and groups may change a configuration that is run as root. */

import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { requireTrusted } from '../../src/config/config-trust.ts';
import { describeWith } from '../lab/describe.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const USERS = 100;
const NOBODY = 65_534;
const NO_DOORS = { doors: new Map() };

describeWith(['root'], 'a configuration', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = scratchFolder();
    chmodSync(folder, 0o755);
    path = join(folder, 'knock.yaml');
    writeFileSync(path, 'doors: {}\n', { mode: 0o600 });
  });
  const warned = (): string[] => requireTrusted(path, NO_DOORS).map(({ path, text }) => `${path}: ${text}`);

  it('that another user owns comes with a warning', () => {
    chmodSync(path, 0o600);
    chownSync(path, NOBODY, 0);
    expect(warned()).toEqual([
      `${path}: the user nobody can change it, and with it the commands that are run; run: chown root ${path}`,
    ]);
    chownSync(path, 0, 0);
    chownSync(folder, NOBODY, 0);
    expect(warned()).toEqual([
      `${path}: the user nobody can change it, and with it the commands that are run; ${folder} is theirs, move it to a folder that root owns`,
    ]);
  });

  it('that a group can change is refused, unless it is that of root', () => {
    chmodSync(path, 0o660);
    expect(warned()).toEqual([]);
    chownSync(path, 0, USERS);
    expect(warned).toThrow('can be changed by the group users');
  });
});
