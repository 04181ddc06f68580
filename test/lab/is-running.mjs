// Tells whether a process still runs. One that was killed stays for a moment, as nobody has asked yet how it ended.

import { readFileSync } from 'node:fs';

/** @param {string | number} pid */
export function isRunning(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
