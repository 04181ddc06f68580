/** A folder of a test -> nothing, also while a command that outlived its daemon still writes there. */

import { rmSync } from 'node:fs';

const TRIES = 100;
const PAUSE_MS = 50;

/**
 * Unlike `maxRetries` of `rmSync`, each try looks anew at what is in the folder. Synchronous, as it has to work while the
 * process exits too: whoever writes there is another process, or a thread of the pool, and goes on meanwhile.
 */
export function removeFolder(folder: string): void {
  for (let left = TRIES; ; left--) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      const isFilled = error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY';
      if (!isFilled || left === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
