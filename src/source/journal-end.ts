/** Finds the last kernel message in the journal that this user may read. */

import { execFile } from 'node:child_process';
import { childEnvironment } from '../lib/environment.ts';
import { EXPORT_FIELDS, JournalExport, type JournalPlace } from './journal-export.ts';

/** What journalctl is to show, and how: the kernel's own messages of this boot, but not what root writes to /dev/kmsg. */
export const KERNEL_ENTRIES = [
  ...['-b', '-q', '-o', 'export', `--output-fields=${EXPORT_FIELDS}`],
  ...['_TRANSPORT=kernel', 'SYSLOG_FACILITY=0'],
] as const;
const ARGV = [...KERNEL_ENTRIES, '-n', '1'];
const TIME_LIMIT_MS = 10_000;

/** `none`: it has no message of the kernel in this boot. `unknown`: journalctl did not say. */
export type JournalEnd = JournalPlace | 'none' | 'unknown';

/**
 * Where the journal ends now. Never rejects.
 *
 * @param journalctl its absolute path
 */
export function endOfJournal(journalctl: string, signal?: AbortSignal): Promise<JournalEnd> {
  return new Promise((resolve) => {
    const options = {
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
      env: childEnvironment(),
      encoding: 'buffer',
      ...(signal === undefined ? {} : { signal }),
    } as const;
    const done = (error: Error | null, stdout: Buffer): void => {
      if (error !== null) resolve('unknown');
      else if (stdout.length === 0) resolve('none');
      else resolve(new JournalExport().push(stdout, null).at(-1)?.place ?? 'unknown');
    };
    try {
      execFile(journalctl, ARGV, options, done);
    } catch {
      // Where the machine has no memory for another process, Node throws.
      resolve('unknown');
    }
  });
}
