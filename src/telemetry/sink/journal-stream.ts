/** Tells whether an output stream is connected to the systemd journal. */

import { fstatSync } from 'node:fs';

/**
 * JOURNAL_STREAM is `DEVICE:INODE` of the stream that systemd has connected (systemd.exec(5)); whoever inherits it may
 * have redirected theirs.
 */
export function isJournal(descriptor: number, stream = process.env['JOURNAL_STREAM']): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}
