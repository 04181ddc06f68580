/** Checks that the log can be read, and who else could write to it. */

import { closeSync, constants, openSync, statSync } from 'node:fs';
import { uptime } from 'node:os';
import { EXIT, KnocktailError, messageOf } from '../../errors.ts';
import { KERNEL_LOGS } from '../../lib/kernel-logs.ts';
import { choose, findJournalctl, hasKernelEntries, type LogPlace } from '../../source/auto.ts';
import { KMSG, type RingState, ringState } from '../../source/kmsg-device.ts';
import { type Doubt, doubtsOf, type FormattedLog } from '../../source/trust.ts';
import { isNoFile } from '../../source/unreadable.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const CHECK = 'log';

/** What this machine has to say of logs. */
interface Machine {
  /** What `auto` comes to. */
  readonly choose: typeof choose;
  readonly doubts: (log: FormattedLog) => readonly Doubt[];
  /** Whether the journal shows messages of the kernel; null where there is no journalctl. */
  readonly hasKernelEntries: () => Promise<boolean | null>;
  readonly ring: () => RingState;
  readonly bootedMs: number;
  /** The logs to which the kernel's messages of each boot go. */
  readonly files: readonly string[];
}

const THIS_MACHINE: Machine = {
  choose,
  doubts: doubtsOf,
  hasKernelEntries: async () => {
    const journalctl = findJournalctl();
    return journalctl === null ? null : hasKernelEntries(journalctl);
  },
  ring: ringState,
  bootedMs: Date.now() - uptime() * 1000,
  files: KERNEL_LOGS,
};

interface Settled extends LogPlace {
  readonly from: Exclude<LogPlace['from'], 'auto'>;
}

export async function checkLogSource(
  given: FormattedLog,
  changes: Partial<Machine> = {},
): Promise<Finding[]> {
  const machine = { ...THIS_MACHINE, ...changes };
  const place = await settled(given, machine).catch((error: unknown) => {
    if (error instanceof KnocktailError && error.exitCode === EXIT.UNAVAILABLE) return error;
    throw error;
  });
  if (place instanceof KnocktailError)
    return [fail(CHECK, place.complaint, place.remedy ?? 'name a log with log.path')];
  return [await checkReadable(place, machine), ...checkTrust(machine.doubts({ ...given, ...place }))];
}

async function settled({ from, path }: LogPlace, machine: Machine): Promise<Settled> {
  return from === 'auto' ? { path: '', ...(await machine.choose()) } : { from, path };
}

async function checkReadable({ from, path }: Settled, machine: Machine): Promise<Finding> {
  switch (from) {
    case 'journal':
      return checkJournal(await machine.hasKernelEntries());
    case 'kmsg':
      return checkRing(machine.ring());
    case 'file':
      return isStale(path, machine) ? stale(path) : checkFile(path);
    case 'stdin':
      return skip(CHECK, 'stdin is read when there is one');
  }
}

function checkJournal(hasEntries: boolean | null): Finding {
  if (hasEntries === null)
    return fail(CHECK, 'there is no journalctl', 'write log: { from: auto }, which takes what is there');
  return hasEntries
    ? ok(CHECK, 'the journal')
    : warn(
        CHECK,
        'the journal shows nothing of the kernel since this boot',
        'run as root or in the group systemd-journal; journald.conf must not say ReadKMsg=no',
      );
}

/** Of what is not the ring, no knock would ever be read, though it can be opened. */
function checkRing(state: RingState): Finding {
  if (state === 'ring') return ok(CHECK, KMSG);
  if (state === 'missing')
    return fail(CHECK, `there is no ${KMSG}`, 'give the container the device 1:11, or name a log file');
  return state === 'denied'
    ? fail(CHECK, `permission to read ${KMSG} is denied`, 'run as root or with CAP_SYSLOG')
    : fail(
        CHECK,
        `${KMSG} is not the kernel's ring of messages (character device 1:11) but what a container has in its place`,
        'give the container the device 1:11 (c 1:11 r), or read a log file or the journal of the host',
      );
}

function checkFile(path: string): Finding {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return statSync(path).isDirectory()
      ? fail(CHECK, `${path} is a folder`, 'name a file in it with log.path')
      : ok(CHECK, path);
  } catch (error) {
    if (isNoFile(error)) return fail(CHECK, `${path} does not exist`, 'name another with log.path');
    return fail(
      CHECK,
      `cannot read ${path}: ${messageOf(error)}`,
      'run as root, or name another with log.path',
    );
  }
}

/** The kernel has much to say when it boots. */
function isStale(path: string, { bootedMs, files }: Machine): boolean {
  if (!files.includes(path)) return false;
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.mtimeMs < bootedMs;
}

function stale(path: string): Finding {
  return warn(
    CHECK,
    `nobody has written to ${path} since this boot`,
    'write log: { from: journal }, or install rsyslog',
  );
}

function checkTrust(doubts: readonly Doubt[]): Finding[] {
  if (doubts.length === 0) return [ok('forgery', 'none but the kernel writes what counts')];
  return doubts.map(({ what, remedy }) => warn('forgery', what, remedy));
}
