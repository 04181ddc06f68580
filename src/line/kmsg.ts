/** The kernel's ring of messages, /dev/kmsg -> its records as lines, and how many were overwritten unread. */

import { accessSync, closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { EXIT, KnocktailError } from '../errors.ts';
import type { LineEvent, Micros, Place } from '../model.ts';
import { wallClock } from './clock.ts';
import { lost, type Notice, told } from './notice.ts';
import type { Resume } from './place.ts';
import { listen, type Part, Teller, type Telling } from './teller.ts';
import { unreadable } from './unreadable.ts';

export const KMSG = '/dev/kmsg';
const DDS = ['/usr/bin/dd', '/bin/dd'];
/** The longest record that the kernel hands out (CONSOLE_EXT_LOG_MAX). */
const RECORD_BYTES = 8192;
/** A reader that was overtaken is told so by an error, and may go on. */
const DD_ARGV = [`bs=${RECORD_BYTES}`, 'conv=noerror', 'status=none'];
const [LF, COMMA] = [10, 0x2c];

export interface KmsgOptions {
  readonly signal: AbortSignal;
  readonly path?: string;
  readonly clock?: () => Micros;
  /** Where another has left off in this boot, and how far before that to begin. */
  readonly resume?: Resume | null;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady?: boolean | undefined;
}

/**
 * What the kernel says from now on. Any number of readers see all of it; one that comes too late finds a gap in the
 * sequence numbers, which is told with its size.
 *
 * The ring holds some 600 LOG lines, and Node can wait for no device without a thread that its end would wait for. So
 * dd waits, and copies each record into a pipe, which holds as many lines again while Node is busy.
 *
 * @throws KnocktailError 66 or 77 when there is no such device, or it may not be read; 69 when there is no dd
 */
export async function* followKmsg({
  signal,
  path = KMSG,
  clock = wallClock,
  resume = null,
  isSteady,
}: KmsgOptions): AsyncGenerator<LineEvent, void, void> {
  const dd = ddOrThrow();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const end = endOf(path);
  const from = sequenceOf(resume?.from, boot);
  const start = (): Teller => {
    const stdin = openOrThrow(path, constants.O_RDONLY);
    try {
      return new Teller(dd, DD_ARGV, { signal, isSteady, stdin, isUrgent: true });
    } finally {
      closeSync(stdin);
    }
  };
  yield told(`${path}: reading ${from === null ? 'from its end' : 'on from where it was left'}`);
  const upTo = sequenceOf(resume?.upTo, boot);
  yield* listen(new Records(path, { start, boot, end, from: from ?? end, upTo }), { signal, clock });
}

interface RecordsParts {
  readonly start: () => Teller;
  readonly boot: string;
  /** The number of the last record at the beginning; null where there was none. */
  readonly end: number | null;
  /** The last record to be passed over; null for none. */
  readonly from: number | null;
  /** The record up to which all was read before. */
  readonly upTo: number | null;
}

class Records implements Telling {
  readonly name = 'dd';
  readonly #path: string;
  readonly #parts: RecordsParts;
  /** The number of the last record that was passed over or handed on. */
  #sequence: number | null;

  constructor(path: string, parts: RecordsParts) {
    this.#path = path;
    this.#parts = parts;
    this.#sequence = parts.from;
  }

  start(): Teller {
    return this.#parts.start();
  }

  isCaughtUp(): boolean {
    const { end } = this.#parts;
    return end === null || (this.#sequence ?? -1) >= end;
  }

  convert(batches: readonly Buffer[]): (Part | Notice)[] {
    return batches.flatMap((bytes) => this.#partsOf(bytes));
  }

  /** New records, cut where that which was read before ends. A record may have further lines, of properties. */
  #partsOf(bytes: Buffer): (Part | Notice)[] {
    const { boot, upTo } = this.#parts;
    const parts: (Part | Notice)[] = [];
    let overwritten = 0;
    let start = 0;
    const cut = (end: number): void => {
      if (end === start || this.#sequence === null) return;
      const again = upTo !== null && this.#sequence <= upTo;
      const place = { kind: 'kmsg', boot, sequence: this.#sequence } as const;
      parts.push({ bytes: bytes.subarray(start, end), again, place });
    };
    for (let at = 0; at < bytes.length; at = bytes.indexOf(LF, at) + 1) {
      const sequence = sequenceAt(bytes, at);
      if (sequence === null) continue;
      const before = this.#sequence;
      if (before !== null && sequence <= before) {
        // One of those that stood in the ring when it was opened.
        start = bytes.indexOf(LF, at) + 1;
        continue;
      }
      if (before === upTo && before !== null) {
        cut(at);
        start = at;
      }
      if (before !== null) overwritten += sequence - before - 1;
      this.#sequence = sequence;
    }
    cut(bytes.length);
    if (overwritten > 0) parts.push(lost(`${this.#path}: ${overwritten} messages were overwritten unread`));
    return parts;
  }
}

/** `4,377,1024482935,-;`: the second number counts. Null where no record begins. */
function sequenceAt(bytes: Buffer, at: number): number | null {
  let place = at;
  while (isDigit(bytes[place])) place++;
  if (place === at || bytes[place] !== COMMA) return null;
  let sequence = 0;
  const first = ++place;
  for (; isDigit(bytes[place]); place++) sequence = sequence * 10 + Number(bytes[place]) - 0x30;
  return place > first && bytes[place] === COMMA ? sequence : null;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** The number of the last record in the ring; null where it is empty. */
function endOf(path: string): number | null {
  const fd = openOrThrow(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const record = Buffer.alloc(RECORD_BYTES);
  let last: number | null = null;
  try {
    for (;;) {
      try {
        if (readSync(fd, record) === 0) return last;
        last = sequenceAt(record, 0);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : null;
        if (code === 'EAGAIN') return last;
        // The reader was overtaken, and goes on with the oldest record that is left.
        if (code !== 'EPIPE') throw unreadable(path, error);
      }
    }
  } finally {
    closeSync(fd);
  }
}

function openOrThrow(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Null where it is a place of another log, or of another boot, whose numbers mean nothing now. */
function sequenceOf(place: Place | undefined, boot: string): number | null {
  return place?.kind === 'kmsg' && place.boot === boot ? place.sequence : null;
}

function ddOrThrow(): string {
  for (const path of DDS) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, then.
    }
  }
  throw new KnocktailError('there is no dd to read it', {
    exitCode: EXIT.UNAVAILABLE,
    where: KMSG,
    value: DDS.join(', '),
    remedy: 'install coreutils or busybox, or read another log',
  });
}
