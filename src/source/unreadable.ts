/** Explains an error of the filesystem: what is wrong with a log, and the remedy. */

import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { groupWhoReads, letServiceRead } from '../lib/permissions.ts';

const AS_MEMBER = 'run as root or as a member of its group';

const KNOWN: Readonly<Record<string, readonly [what: string, exitCode: ExitCode, remedy: string]>> = {
  ENOENT: ['no such file', EXIT.NO_INPUT, 'name a log file, or - for stdin'],
  ENOTDIR: ['no such file', EXIT.NO_INPUT, 'name a log file, or - for stdin'],
  EACCES: ['permission denied', EXIT.NO_PERMISSION, AS_MEMBER],
  EPERM: ['permission denied', EXIT.NO_PERMISSION, AS_MEMBER],
  EISDIR: ['is a folder', EXIT.NO_INPUT, 'name a log file in it'],
};

/** @throws error itself, where it is not of the filesystem but a fault in the program */
export function unreadable(path: string, error: unknown): KnocktailError {
  const code = codeOf(error);
  if (code === null) throw error;
  const [what, exitCode, remedy] = KNOWN[code] ?? [`cannot be read (${code})`, EXIT.IO, 'see the system log'];
  const cure = remedy === AS_MEMBER ? cureForService(path) : null;
  return new KnocktailError(what, { where: path, exitCode, remedy: cure ?? remedy, cause: error });
}

/** Null where this is no service. */
function cureForService(path: string): string | null {
  const command = letServiceRead(path);
  const group = groupWhoReads(path);
  if (command === null || group === null) return command;
  return `add its group to the unit, as root: systemctl edit knocktail, SupplementaryGroups=${group}`;
}

export function isNoFile(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The name of a system error, such as EIO; null for any other error. */
function codeOf(error: unknown): string | null {
  const isSystemError = error instanceof Error && 'syscall' in error && 'code' in error;
  return isSystemError ? String(error.code) : null;
}
