/** Reads the sequence number of a /dev/kmsg record. One read returns one record. */

import { readSync } from 'node:fs';

/** The longest record that the kernel hands out (CONSOLE_EXT_LOG_MAX). */
export const RECORD_BYTES = 8192;
const COMMA = 0x2c;

const scratch = Buffer.allocUnsafe(RECORD_BYTES);

/** `4,377,1024482935,-;`: the second number counts. Null where no record begins. */
export function sequenceAt(bytes: Buffer, at: number): number | null {
  const start = bytes.indexOf(COMMA, at) + 1;
  const sequence = Number(bytes.toString('latin1', start, bytes.indexOf(COMMA, start)));
  return start > 0 && Number.isSafeInteger(sequence) ? sequence : null;
}

/** Reads the next record. Null when the reader was overtaken: the next read is of the oldest record that is left. */
export function nextSequence(fd: number): number | null {
  try {
    const bytes = readSync(fd, scratch);
    return sequenceAt(scratch.subarray(0, bytes), 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return null;
    throw error;
  }
}
