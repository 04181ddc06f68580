/** Tells whether /dev/kmsg is the kernel's ring, and not what containers put in its place. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { EXIT, KnocktailError } from '../errors.ts';
import { RECORD_BYTES, sequenceAt } from './kmsg-record.ts';

export const KMSG = '/dev/kmsg';
/** Character device 1:11 (Documentation/admin-guide/devices.txt), as the C library packs it (makedev(3)). */
export const KMSG_DEVICE = (1 << 8) | 11;

/** `other`: something that is not the kernel's ring, such as the /dev/null or the console that LXC puts there. */
export type RingState = 'ring' | 'missing' | 'denied' | 'other';

/** The kernel decides when the device is opened, whatever its mode is. */
export function ringState(path = KMSG): RingState {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ENOENT' || code === 'ENXIO' ? 'missing' : 'denied';
  }
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev === KMSG_DEVICE && yieldsRecord(fd) ? 'ring' : 'other';
  } finally {
    closeSync(fd);
  }
}

/** @throws KnocktailError 69 where it is something else */
export function ensureRing(path = KMSG): void {
  if (ringState(path) !== 'other') return;
  throw new KnocktailError(`${path} is not the kernel's ring of messages`, {
    exitCode: EXIT.UNAVAILABLE,
    where: 'log.from: kmsg',
    remedy: 'give the container the device 1:11 (c 1:11 r), or read a log file or the journal of the host',
  });
}

/** A reader that begins is at the oldest record, so one is there to be read. */
function yieldsRecord(fd: number): boolean {
  const record = Buffer.alloc(RECORD_BYTES);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      readSync(fd, record, 0, RECORD_BYTES, null);
      return sequenceAt(record, 0) !== null;
    } catch (error) {
      // The oldest record was overwritten meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) return false;
    }
  }
  return true;
}
