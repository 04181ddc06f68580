/** A file or folder -> who may read or change it, and whether we may run it. */

import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

const READABLE_BY_OTHERS = 0o004;
const WRITABLE_BY_OTHERS = 0o002;
const PASSABLE_BY_OTHERS = 0o001;
/** A service or a user's shell often has no sbin in its PATH. */
const SBIN_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];
/** In such a folder nobody replaces the files of others. */
const STICKY = 0o1000;

export function isWritableByOthers({ mode }: Pick<Stats, 'mode'>): boolean {
  return (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
}

/** False where there is nothing. */
export function isOpenToOthers(path: string): boolean {
  try {
    return isWritableByOthers(statSync(path));
  } catch {
    return false;
  }
}

/** The nearest folder by which any local user could put another file in the place of this one; null for none. */
export function openFolderOf(path: string): string | null {
  return [...foldersOf(path), ...foldersOf(realPathOf(path))].find(isOpenToOthers) ?? null;
}

/** Whether any local user can read it, past all folders above it. False where there is nothing. */
export function isReadableByOthers(path: string): boolean {
  const real = realPathOf(path);
  const lets = (what: string, bit: number): boolean => {
    try {
      return (statSync(what).mode & bit) !== 0;
    } catch {
      return false;
    }
  };
  return (
    lets(real, READABLE_BY_OTHERS) && foldersOf(real).every((folder) => lets(folder, PASSABLE_BY_OTHERS))
  );
}

/** Whether it is a file that may be run. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The path of a program in the folders of `PATH` or in an sbin; null where it is in none. */
export function findProgram(name: string, searchPath: string): string | null {
  const folders = [...searchPath.split(':').filter(isAbsolute), ...SBIN_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

/** The path of a program of the system: where most have it, else as PATH says, since NixOS and Guix have none there. */
export function systemProgram(name: string): string | null {
  const usual = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find(isProgram);
  return usual ?? findProgram(name, process.env['PATH'] ?? '');
}

/** Where symlinks lead; the path itself where there is nothing. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** All folders above it, the nearest first. */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}
