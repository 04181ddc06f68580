/** The systemd journal -> its last message of the kernel, as journalctl shows it to this user. */

import { execFile } from 'node:child_process';
import { childEnvironment } from '../environment.ts';
import { type JournalPlace, lineOf } from './journal-entry.ts';

/** What journalctl is to tell of each entry. */
export const FIELDS = 'MESSAGE,_TRANSPORT,SYSLOG_FACILITY,_SOURCE_MONOTONIC_TIMESTAMP,_HOSTNAME';
const ARGV = ['-k', '-q', '-n', '1', '-o', 'json', `--output-fields=${FIELDS}`];
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
      ...(signal === undefined ? {} : { signal }),
    } as const;
    const done = (error: Error | null, stdout: string): void => {
      if (error !== null) resolve('unknown');
      else resolve(stdout.trim() === '' ? 'none' : (lineOf(stdout)?.place ?? 'unknown'));
    };
    try {
      execFile(journalctl, ARGV, options, done);
    } catch {
      // Where the machine has no memory for another process, Node throws.
      resolve('unknown');
    }
  });
}
