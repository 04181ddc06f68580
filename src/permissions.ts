/** The mode of a file or folder -> whether any local user could change it. */

import { type Stats, statSync } from 'node:fs';

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
