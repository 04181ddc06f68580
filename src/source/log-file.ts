/** Reads the lines of an open log file, each once, even if it is truncated and grows again. */

import { constants, fstatSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogPosition } from '../model.ts';
import { LineSplitter } from './line-splitter.ts';

const CHUNK_BYTES = 256 * 1024;
/** What is read at once, since a thread that reads costs more than such a read; signals and timers hardly wait for it. */
const SMALL_BYTES = 16 * 1024;
/** Holds a few lines, of which no two are equal: each has its own time. */
const FINGERPRINT_BYTES = 1024;
/** Of those, what a place is known by; a line's end has its time and number. */
const PRINT_BYTES = 64;
const LF = 10;

type FilePlace = Extract<LogPosition, { readonly kind: 'file' }>;
export type Start = Pick<FilePlace, 'dev' | 'ino' | 'position'> & { readonly print?: string };

export interface Batch {
  /** Whole lines; theirs until the next batch is asked for. */
  readonly bytes: Buffer;
  readonly place: LogPosition;
  /** They stand ahead of the place that was named as read. */
  readonly again: boolean;
}

/**
 * A descriptor that is kept, so that a log which was renamed or deleted can be read to its end, and its inode number
 * cannot pass to another file meanwhile.
 */
export class LogFile {
  readonly splitter = new LineSplitter();
  readonly #handle: FileHandle;
  readonly #dev: number;
  readonly #ino: number;
  #position = 0;
  readonly #buffer = Buffer.allocUnsafe(FINGERPRINT_BYTES + CHUNK_BYTES);
  /** The bytes before the position. While they stand there, the file is what was read so far. */
  #fingerprint = Buffer.alloc(0);
  #checkedMtimeMs = Number.NaN;
  #notifiedMs = performance.now();
  #readBefore = 0;

  private constructor(handle: FileHandle, { dev, ino }: Stats) {
    this.#handle = handle;
    this.#dev = dev;
    this.#ino = ino;
  }

  /**
   * Opens the file at its start or, where it is still the file of `start`, at that place. A line that is under way
   * there is not passed on.
   */
  static async open(path: string, start: Start | null): Promise<LogFile> {
    // Without O_NONBLOCK, a FIFO that stands there by now would hold the open until somebody writes.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      const log = new LogFile(handle, stats);
      if (start !== null && log.is(start) && start.position <= stats.size) await log.#goTo(start);
      return log;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get position(): number {
    return this.#position;
  }

  /** When it last had something new, on the monotonic clock. */
  get notifiedMs(): number {
    return this.#notifiedMs;
  }

  is({ dev, ino }: { readonly dev: number; readonly ino: number }): boolean {
    return dev === this.#dev && ino === this.#ino;
  }

  /** False also where that cannot be told, as of a file that was deleted on NFS. */
  async hasMore(): Promise<boolean> {
    const stats = await this.#handle.stat().catch(() => null);
    return stats !== null && stats.size > this.#position;
  }

  /**
   * All whole lines that stand in the file at this moment, in batches, read no faster than they are taken: each is
   * overwritten when the next is asked for. `rewritten` says that what was read before is there no more: what follows
   * is from the start of the file.
   */
  async *lines(): AsyncGenerator<Batch | 'rewritten', void, void> {
    const { size, mtimeMs } = fstatSync(this.#handle.fd);
    if (size === this.#position && mtimeMs === this.#checkedMtimeMs) return;
    for (let isMore = true; isMore; ) {
      const chunk = await this.#read(size - this.#position);
      if (chunk === null) {
        this.#restart();
        yield 'rewritten';
      } else {
        isMore = chunk.length > 0 && this.#position < size;
        yield* this.#batches(this.splitter.push(chunk));
      }
    }
    this.#checkedMtimeMs = mtimeMs;
  }

  /** All up to this place was read by another before. */
  readBefore(place: LogPosition): void {
    if (place.kind === 'file') this.#readBefore = this.is(place) ? place.position : 0;
  }

  /** All that stands here was. */
  allReadBefore(): void {
    this.#readBefore = Number.POSITIVE_INFINITY;
  }

  /** Nothing was written, so nothing can be lost if this fails. */
  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }

  /**
   * The next bytes, or null when those before them have changed: the file was truncated, and may have grown past the
   * position again (copytruncate). One read takes both, lest a truncation come between the check and the reading.
   */
  async #read(bytes: number): Promise<Buffer | null> {
    const checked = this.#fingerprint.length;
    const buffer = this.#buffer.subarray(0, checked + Math.min(Math.max(bytes, 0), CHUNK_BYTES));
    const from = this.#position - checked;
    const bytesRead =
      buffer.length <= SMALL_BYTES
        ? readSync(this.#handle.fd, buffer, 0, buffer.length, from)
        : (await this.#handle.read(buffer, 0, buffer.length, from)).bytesRead;
    if (bytesRead < checked || buffer.compare(this.#fingerprint, 0, checked, 0, checked) !== 0) return null;
    const chunk = buffer.subarray(checked, bytesRead);
    if (chunk.length > 0) {
      this.#position += chunk.length;
      this.#fingerprint = Buffer.from(buffer.subarray(Math.max(0, bytesRead - FINGERPRINT_BYTES), bytesRead));
      this.#notifiedMs = performance.now();
    }
    return chunk;
  }

  /** Batches with their places, cut where that which was read before ends. */
  *#batches(batches: readonly Buffer[]): Generator<Batch> {
    let at = this.#position - this.splitter.heldBytes - batches.reduce((sum, { length }) => sum + length, 0);
    for (const bytes of batches) {
      const before = Math.min(Math.max(this.#readBefore - at, 0), bytes.length);
      const parts = [bytes.subarray(0, before), bytes.subarray(before)];
      for (const [index, part] of parts.entries()) {
        at += part.length;
        if (part.length > 0) yield { bytes: part, place: this.#placeAt(at, part), again: index === 0 };
      }
    }
  }

  /** Known by the end of its last line: one that was too long is not in the batch as it is in the file. */
  #placeAt(position: number, bytes: Buffer): LogPosition {
    const lineAt = bytes.lastIndexOf(LF, bytes.length - 2) + 1;
    const print = bytes.subarray(Math.max(lineAt, bytes.length - PRINT_BYTES)).toString('hex');
    return { kind: 'file', dev: this.#dev, ino: this.#ino, position, print };
  }

  async #goTo({ position, print = '' }: Start): Promise<void> {
    const before = Buffer.alloc(Math.min(position, FINGERPRINT_BYTES));
    await this.#handle.read(before, 0, before.length, position - before.length);
    // Another file of this number, or the same that was truncated and has grown again: all of it is new.
    if (!before.toString('hex').endsWith(print)) return;
    this.#position = position;
    this.#fingerprint = before;
    if (position > 0 && before.at(-1) !== LF) this.splitter.joinMidLine();
  }

  #restart(): void {
    this.splitter.flush();
    this.#position = 0;
    this.#readBefore = 0;
    this.#fingerprint = Buffer.alloc(0);
    this.#notifiedMs = performance.now();
  }
}
