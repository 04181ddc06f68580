/** Replaces a file so that it is always either wholly old or wholly new, even after a crash. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
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
      // All of it, or an error: a single write may end early where the disk is full.
      writeFileSync(file, text);
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
 * The same for what a user names to be written: a pipe or a device, as /dev/stdout leads to one, is written to. A symlink
 * or a pipe that somebody else has put there is replaced as a file is.
 */
export async function writeOut(path: string, text: string, mode: number): Promise<void> {
  const target = isOurs(path) ? statSync(path, { throwIfNoEntry: false }) : undefined;
  if (target !== undefined && !target.isFile()) await writeFile(path, text);
  else
    await replaceFile(path, async (file) => {
      await file.chmod(mode);
      await file.writeFile(text);
    });
}

/**
 * Opens a file to add to it, and makes it where it is not there. Where the name is a symlink, only one of root's or of
 * this user is followed: in a folder such as /tmp anybody could have put it there.
 */
export function openToAppend(path: string, mode: number): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
  try {
    return openSync(path, flags | constants.O_NOFOLLOW, mode);
  } catch (error) {
    const isLink = error instanceof Error && 'code' in error && error.code === 'ELOOP';
    if (!isLink) throw error;
    if (!isOurs(path)) throw new Error('it is a symlink that another user made');
    return openSync(path, flags, mode);
  }
}

/** Whether what has this name, be it a symlink, can have been made by root or this user alone. False where there is nothing. */
function isOurs(path: string): boolean {
  const stats: Stats | undefined = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  // No user can make a device; terminals are theirs.
  return stats.isCharacterDevice() || stats.uid === 0 || stats.uid === process.geteuid?.();
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
