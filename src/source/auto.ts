/** Chooses the best source of kernel messages on this machine for `from: auto`, and says why. */

import { open } from 'node:fs/promises';
import { EXIT, KnocktailError } from '../errors.ts';
import { KERNEL_LOGS } from '../lib/kernel-logs.ts';
import { findProgram, isProgram } from '../lib/permissions.ts';
import { endOfJournal } from './journal-end.ts';
import { KMSG, type RingState, ringState } from './kmsg-device.ts';

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
  readonly journalctl: string | null;
  readonly files: readonly string[];
  readonly ring: () => RingState;
}

function thisMachine(): Machine {
  return { journalctl: findJournalctl(), files: KERNEL_LOGS, ring: ringState };
}
const JOURNALCTLS = ['/usr/bin/journalctl', '/bin/journalctl'];
/** How much of a file's end is looked at for lines of the kernel. */
const TAIL_BYTES = 256 * 1024;

/**
 * The ring, which is the fastest and cannot be forged; else the journal, which comes later; else the first log file with
 * lines of the kernel, where any local user may have written.
 *
 * @throws KnocktailError 69 when there is none of them
 */
export async function choose(machine = thisMachine()): Promise<Choice> {
  if (machine.ring() === 'ring') return { from: 'kmsg', why: `${KMSG} can be read` };
  const { journalctl } = machine;
  if (journalctl !== null && (await hasKernelEntries(journalctl))) {
    const why = `${KMSG} cannot be read, and the journal has messages of the kernel`;
    return { from: 'journal', journalctl, why };
  }
  for (const path of machine.files) {
    if (await hasKernelLines(path)) {
      return { from: 'file', path, why: `only ${path} has messages of the kernel` };
    }
  }
  throw new KnocktailError("there is no log of the kernel's messages", {
    exitCode: EXIT.UNAVAILABLE,
    value: ['journal', ...machine.files, KMSG].join(', '),
    remedy:
      'run as root, with CAP_SYSLOG, or in the group systemd-journal or adm, or name a log with log.path',
  });
}

/** Where most systems have it, else in the folders of PATH: NixOS and Guix have it elsewhere. Null where there is none. */
export function findJournalctl(
  searchPath = process.env['PATH'] ?? '',
  usual: readonly string[] = JOURNALCTLS,
): string | null {
  return usual.find(isProgram) ?? findProgram('journalctl', searchPath);
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
