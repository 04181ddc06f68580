/** An open log file -> its lines, each once, even where it is truncated and grows again. */

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { LineSplitter } from './split.ts';

const CHUNK_BYTES = 256 * 1024;
/** Holds a few lines, of which no two are equal: each has its own time. */
const FINGERPRINT_BYTES = 1024;
const LF = 10;

/** A place in a file: which file, and how many bytes of it are behind. */
export interface Place {
  readonly dev: number;
  readonly ino: number;
  readonly position: number;
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
  #stirredMs = performance.now();

  private constructor(handle: FileHandle, { dev, ino }: Stats) {
    this.#handle = handle;
    this.#dev = dev;
    this.#ino = ino;
  }

  /**
   * Opens the file at its start or, where it is still the file of `start`, at that place. A line that is under way
   * there is not passed on.
   */
  static async open(path: string, start: Place | null): Promise<LogFile> {
    // Without O_NONBLOCK, a FIFO that stands there by now would hold the open until somebody writes.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      const log = new LogFile(handle, stats);
      if (start !== null && log.is(start) && start.position <= stats.size) await log.#goTo(start.position);
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
  get stirredMs(): number {
    return this.#stirredMs;
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
   * overwritten when the next is asked for. `rewritten`
   * says that what was read before is there no more: what follows is from the start of the file.
   */
  async *lines(): AsyncGenerator<Buffer | 'rewritten', void, void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size === this.#position && mtimeMs === this.#checkedMtimeMs) return;
    for (let isMore = true; isMore; ) {
      const chunk = await this.#read(size - this.#position);
      if (chunk === null) {
        this.#restart();
        yield 'rewritten';
      } else {
        isMore = chunk.length > 0 && this.#position < size;
        yield* this.splitter.push(chunk);
      }
    }
    this.#checkedMtimeMs = mtimeMs;
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
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#position - checked);
    if (bytesRead < checked || buffer.compare(this.#fingerprint, 0, checked, 0, checked) !== 0) return null;
    const chunk = buffer.subarray(checked, bytesRead);
    if (chunk.length > 0) {
      this.#position += chunk.length;
      this.#fingerprint = Buffer.from(buffer.subarray(Math.max(0, bytesRead - FINGERPRINT_BYTES), bytesRead));
      this.#stirredMs = performance.now();
    }
    return chunk;
  }

  async #goTo(position: number): Promise<void> {
    const before = Buffer.alloc(Math.min(position, FINGERPRINT_BYTES));
    await this.#handle.read(before, 0, before.length, position - before.length);
    this.#position = position;
    this.#fingerprint = before;
    if (position > 0 && before.at(-1) !== LF) this.splitter.joinMidLine();
  }

  #restart(): void {
    this.splitter.flush();
    this.#position = 0;
    this.#fingerprint = Buffer.alloc(0);
    this.#stirredMs = performance.now();
  }
}
