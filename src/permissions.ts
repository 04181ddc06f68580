/** A file or folder -> who may read or change it, and whether we may run it. */

import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const READABLE_BY_OTHERS = 0o004;
const WRITABLE_BY_OTHERS = 0o002;
const PASSABLE_BY_OTHERS = 0o001;
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

/** Whether any local user can read it, past all folders above it. False where there is nothing. */
export function isReadableByOthers(path: string): boolean {
  try {
    const real = realpathSync(path);
    if ((statSync(real).mode & READABLE_BY_OTHERS) === 0) return false;
    for (let folder = dirname(real); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & PASSABLE_BY_OTHERS) === 0) return false;
      if (folder === dirname(folder)) return true;
    }
  } catch {
    return false;
  }
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
