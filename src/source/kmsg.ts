/** Follows the kernel's ring buffer, /dev/kmsg, and counts records that were overwritten unread. */

import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { LineEvent, LogPosition, Micros } from '../model.ts';
import { ChangeWatcher } from './change-watcher.ts';
import type { Checkpoint } from './checkpoint.ts';
import { bootClock, wallClock } from './clock.ts';
import { KMSG } from './kmsg-device.ts';
import { RECORD_BYTES, sequenceAt } from './kmsg-record.ts';
import { lostLines, told } from './notice.ts';
import { RingWaiter } from './ring-waiter.ts';
import { unreadable } from './unreadable.ts';

/**
 * The kernel wakes a waiting reader at its next tick, up to 10 ms later (wake_up_klogd, kernel/printk/printk.c), while a
 * reader that looks sees a record at once. So while a knock is under way the ring is looked at often, at first most often.
 */
const URGENT_POLL_MS = 1;
const URGENT_MS = 1_000;
const PATIENT_POLL_MS = 4;
/** Where records keep coming, to look costs less than to wait. The ring holds 30 ms of LOG lines at 20,000 a second. */
const BUSY_POLL_MS = 10;
const BUSY_READS_PER_S = 40;
const CALM_READS_PER_S = 20;
const SECOND_MS = 1_000;
/** How often time passes: at most, while records come; at least, while none does. */
const BUSY_MS = 20;
const QUIET_MS = 250;
const BATCH_BYTES = 256 * 1024;
const LF = 10;
/** The number of a record that is never there: the first has 0. */
const BEFORE_ALL = -1;

export interface KmsgOptions {
  readonly signal: AbortSignal;
  readonly path?: string;
  readonly clock?: () => Micros;
  /** Where another has left off in this boot, and how far before that to begin. */
  readonly resume?: Checkpoint | null;
  /** Whether others are read beside it, and wait for each look. */
  readonly isSteady?: boolean | undefined;
  /** Whether a knock is under way, so that the next record matters at once. */
  readonly isUrgent?: (() => boolean) | undefined;
}

/**
 * What the kernel says from now on. Any number of readers see all of it; one that comes too late finds a gap in the
 * sequence numbers, which is told with its size.
 *
 * @throws KnocktailError 66 or 77 when there is no such device, or it may not be read
 */
export async function* followKmsg({
  signal,
  path = KMSG,
  clock = wallClock,
  resume = null,
  isSteady,
  isUrgent = () => false,
}: KmsgOptions): AsyncGenerator<LineEvent, void, void> {
  const boot = bootId();
  const [from, upTo] = [sequenceOf(resume?.from, boot), sequenceOf(resume?.upTo, boot)];
  const ring = new Ring(path, from);
  const wake = new ChangeWatcher({ signal, isSteady });
  const waiter = new RingWaiter(path, wake.notify);
  const load = new ReadRate();
  let [readMs, drainedMs] = [performance.now(), Number.NEGATIVE_INFINITY];
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);
  try {
    yield told(`${path}: reading ${from === null ? 'from its end' : 'on from where it was left'}`);
    while (!signal.aborted) {
      const at = clock();
      let isRead = false;
      for (let bytes = ring.read(upTo); bytes !== null && !signal.aborted; bytes = ring.read(upTo)) {
        const sequence = ring.sequence ?? 0;
        const again = upTo !== null && sequence <= upTo;
        const place = { kind: 'kmsg', boot, sequence } as const;
        yield { kind: 'lines', bytes, readAt: clock(), bootedAt: bootClock(), place, again };
        isRead = true;
        // In a flood another may be there already; timers, signals and the firewall want their turn, too.
        await turn();
      }
      const overwritten = ring.takeOverwritten();
      if (overwritten > 0)
        yield lostLines(`${path}: ${overwritten} messages were overwritten unread`, overwritten);
      const nowMs = performance.now();
      if (isRead) readMs = nowMs;
      if (nowMs - drainedMs >= (isRead ? BUSY_MS : QUIET_MS)) {
        yield { kind: 'drained', at, isComplete: true };
        drainedMs = nowMs;
      }
      load.count(isRead, nowMs);
      if (isUrgent()) await pause(nowMs - readMs < URGENT_MS ? URGENT_POLL_MS : PATIENT_POLL_MS);
      else if (load.isHigh) {
        waiter.end();
        await pause(BUSY_POLL_MS);
      } else if (waiter.begin(ring.sequence)) await wake.next();
      else await pause(BUSY_POLL_MS);
    }
  } finally {
    wake.close();
    waiter.end();
    ring.close();
  }
}

/**
 * What the kernel has said since it booted, as far as its ring still holds it: to the end that the ring has now.
 *
 * @throws KnocktailError 66 or 77 when there is no such device, or it may not be read
 */
export async function* readKmsg({
  signal,
  path = KMSG,
}: Pick<KmsgOptions, 'signal' | 'path'>): AsyncGenerator<LineEvent, void, void> {
  const last = new Ring(path, null);
  last.close();
  const ring = new Ring(path, BEFORE_ALL);
  try {
    let first: number | null = null;
    for (
      let bytes = ring.read(last.sequence);
      bytes !== null && !signal.aborted;
      bytes = ring.read(last.sequence)
    ) {
      first ??= sequenceAt(bytes, 0);
      yield { kind: 'lines', bytes, readAt: wallClock(), bootedAt: bootClock(), place: null, again: false };
      if ((ring.sequence ?? 0) >= (last.sequence ?? 0)) break;
      await turn();
    }
    const missing = (first ?? 0) + ring.takeOverwritten();
    if (missing > 0)
      yield lostLines(`${path}: the first ${missing} messages since boot are no longer in it`, missing);
  } finally {
    ring.close();
  }
}

/** Whether looks that find something come in quick succession. */
class ReadRate {
  #isHigh = false;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #reads = 0;

  get isHigh(): boolean {
    return this.#isHigh;
  }

  count(isRead: boolean, nowMs: number): void {
    if (isRead) this.#reads++;
    if (nowMs - this.#sinceMs < SECOND_MS) return;
    this.#isHigh = this.#reads >= (this.#isHigh ? CALM_READS_PER_S : BUSY_READS_PER_S);
    this.#reads = 0;
    this.#sinceMs = nowMs;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Null where it is a place of another log, or of another boot, whose numbers mean nothing now. */
function sequenceOf(place: LogPosition | undefined, boot: string): number | null {
  return place?.kind === 'kmsg' && place.boot === boot ? place.sequence : null;
}

class Ring {
  readonly #path: string;
  readonly #fd: number;
  readonly #batch = Buffer.allocUnsafe(BATCH_BYTES);
  /** The number of the last record; null before the first. */
  #sequence: number | null = null;
  #overwritten = 0;
  /** The length of a record at the beginning of the batch that is still to be handed on. */
  #held = 0;

  /** @param from the last record to be passed over; null for all that are there */
  constructor(path: string, from: number | null) {
    this.#path = path;
    try {
      this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw unreadable(path, error);
    }
    while (from === null || (this.#sequence ?? -1) < from) {
      const bytes = this.#next(0);
      if (bytes === 0) break;
      this.#count(0);
      // The ring has gone past that place: its oldest record is the first to be read.
      if (from !== null && (this.#sequence ?? 0) > from) this.#held = this.#batch.indexOf(LF) + 1 || bytes;
    }
    this.#overwritten = this.#held === 0 || from === null ? 0 : (this.#sequence ?? 0) - from - 1;
  }

  /** The number of the last record that was read; null before the first. */
  get sequence(): number | null {
    return this.#sequence;
  }

  /**
   * Records that have come, each as a line, until the next read; null when none has. One read is one record.
   *
   * @param pause a batch ends at the record of this number
   */
  read(pause: number | null): Buffer | null {
    let end = this.#held;
    this.#held = 0;
    while (end + RECORD_BYTES <= BATCH_BYTES && (end === 0 || this.#sequence !== pause)) {
      const bytes = this.#next(end);
      if (bytes === 0) break;
      this.#count(end);
      // What follows the first line are the properties of a device.
      end = this.#batch.indexOf(LF, end) + 1 || end + bytes;
    }
    return end === 0 ? null : this.#batch.subarray(0, end);
  }

  takeOverwritten(): number {
    const count = this.#overwritten;
    this.#overwritten = 0;
    return count;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #next(at: number): number {
    for (;;) {
      try {
        return readSync(this.#fd, this.#batch, at, RECORD_BYTES, null);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : null;
        if (code === 'EAGAIN') return 0;
        // The reader was overtaken, and goes on with the oldest record that is left.
        if (code !== 'EPIPE') throw unreadable(this.#path, error);
      }
    }
  }

  #count(at: number): void {
    const sequence = sequenceAt(this.#batch, at);
    if (sequence === null) return;
    if (this.#sequence !== null) this.#overwritten += Math.max(0, sequence - this.#sequence - 1);
    this.#sequence = sequence;
  }
}
