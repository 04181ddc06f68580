/** A test file -> folders of its own, gone when all its tests have ended. */

import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { removeFolder } from './remove-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
// What others may do with what is in it is for the folders in it to say.
chmodSync(root, 0o755);
afterAll(() => removeFolder(root));

export function scratchFolder(name = 'folder-'): string {
  return mkdtempSync(join(root, name));
}
