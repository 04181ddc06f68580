/** `from: auto` -> the best source that this machine has of the kernel's messages, and why it is that. */

import { closeSync, constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { EXIT, KnocktailError } from '../errors.ts';
import { KERNEL_LOGS } from '../kernel-logs.ts';
import { isProgram } from '../permissions.ts';
import { endOfJournal } from './journal-end.ts';
import { KMSG } from './kmsg.ts';

export interface LogPlace {
  readonly from: 'auto' | 'journal' | 'kmsg' | 'file' | 'stdin';
  /** The file, for `from: file`. */
  readonly path: string;
}

export type Choice =
  | { readonly from: 'journal'; readonly journalctl: string; readonly why: string }
  | { readonly from: 'file'; readonly path: string; readonly why: string }
  | { readonly from: 'kmsg'; readonly why: string };

export interface Machine {
  readonly journalctls: readonly string[];
  readonly files: readonly string[];
  readonly kmsg: string;
}

const THIS_MACHINE: Machine = {
  journalctls: ['/usr/bin/journalctl', '/bin/journalctl'],
  files: KERNEL_LOGS,
  kmsg: KMSG,
};
/** How much of a file's end is looked at for lines of the kernel. */
const TAIL_BYTES = 256 * 1024;

/**
 * The ring, which is the fastest and cannot be forged; else the journal, which comes later; else the first log file with
 * lines of the kernel, where any local user may have written.
 *
 * @throws KnocktailError 69 when there is none of them
 */
export async function choose(machine = THIS_MACHINE): Promise<Choice> {
  if (isReadable(machine.kmsg)) return { from: 'kmsg', why: `${machine.kmsg} can be read` };
  const journalctl = findJournalctl(machine.journalctls);
  if (journalctl !== null && (await hasKernelEntries(journalctl))) {
    const why = `${machine.kmsg} cannot be read, and the journal has messages of the kernel`;
    return { from: 'journal', journalctl, why };
  }
  for (const path of machine.files) {
    if (await hasKernelLines(path)) {
      return { from: 'file', path, why: `only ${path} has messages of the kernel` };
    }
  }
  throw new KnocktailError("there is no log of the kernel's messages", {
    exitCode: EXIT.UNAVAILABLE,
    value: ['journal', ...machine.files, machine.kmsg].join(', '),
    remedy:
      'run as root, with CAP_SYSLOG, or in the group systemd-journal or adm, or name a log with log.path',
  });
}

/** The first of these paths that can be run; null when there is none. */
export function findJournalctl(paths = THIS_MACHINE.journalctls): string | null {
  return paths.find(isProgram) ?? null;
}

/** Whether the journal shows messages of the kernel to this user. */
export async function hasKernelEntries(journalctl: string): Promise<boolean> {
  return typeof (await endOfJournal(journalctl)) === 'object';
}

async function hasKernelLines(path: string): Promise<boolean> {
  const file = await open(path).catch(() => null);
  if (file === null) return false;
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    return / kernel: /.test(tail.toString('latin1'));
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** The kernel decides when /dev/kmsg is opened, whatever its mode is. */
function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
