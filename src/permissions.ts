/** A file or folder -> who may change it, and whether we may run it. */

import { accessSync, constants, type Stats, statSync } from 'node:fs';

const WRITABLE_BY_OTHERS = 0o002;
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

/** Whether it is a file that may be run. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
