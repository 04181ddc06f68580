/** The path of a file and what is to be in it -> that file, wholly the old one or wholly the new, come what may. */

import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The new text is on disk under another name before it takes the place of the old. When it rejects, nothing has changed. */
export async function replaceFile(path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const other = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(other, 'wx', 0o600);
  try {
    await fill(file)
      .then(() => file.sync())
      .finally(() => file.close());
    await rename(other, path);
  } catch (error) {
    await unlink(other).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** The same for a text that takes over the owner and the mode of the file that it replaces. */
export async function rewriteFile(path: string, text: string): Promise<void> {
  const { uid, gid, mode } = await stat(path);
  await replaceFile(path, async (file) => {
    const own = await file.stat();
    if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
    await file.chmod(mode & 0o7777);
    await file.writeFile(text);
  });
}

/**
 * The same at once, without waiting for the disk: for what may be lost when the power fails. The other name cannot be
 * foreseen, and is made anew, so that no symlink that somebody has put there leads elsewhere.
 */
export function replaceFileSync(path: string, text: string, mode = 0o600): void {
  const other = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(other, 'wx', mode);
  try {
    try {
      fchmodSync(file, mode);
      writeSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(other, path);
  } catch (error) {
    rmSync(other, { force: true });
    throw error;
  }
}

/**
 * Makes a folder that nobody else may enter, and those above it. (Node's own `recursive` never returns in /proc.)
 *
 * @returns the first that it had to make; null where there was nothing to do
 */
export function makeFolder(path: string): string | null {
  let made: string | null = null;
  const make = (): boolean => {
    try {
      mkdirSync(path, { mode: 0o700 });
      return true;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'EEXIST') return false;
      if (code !== 'ENOENT' || made !== null || dirname(path) === path) throw error;
      made = makeFolder(dirname(path)) ?? path;
      return make();
    }
  };
  return make() ? (made ?? path) : null;
}

/** What was made, renamed or removed in it stays so, even if the power fails. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
