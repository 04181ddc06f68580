/** One log file under one descriptor -> the bytes that are appended to it, and whether it was truncated. */

import { type FileHandle, open } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;
/** So much of what was last read is compared before reading on. */
const FINGERPRINT_BYTES = 256;
const LF = 0x0a;

export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Follows an inode, whatever its name is by now. */
export class OpenFile {
  readonly #handle: FileHandle;
  readonly #identity: FileIdentity;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #position: number;
  #fingerprint: Buffer = Buffer.alloc(0);

  private constructor(handle: FileHandle, identity: FileIdentity, position: number) {
    this.#handle = handle;
    this.#identity = identity;
    this.#position = position;
  }

  /** Opens a file at its beginning or its end. */
  static async at(path: string, from: 'start' | 'end'): Promise<OpenFile> {
    const handle = await open(path, 'r');
    try {
      const { dev, ino, size } = await handle.stat();
      const file = new OpenFile(handle, { dev, ino }, from === 'end' ? size : 0);
      await file.#remember();
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Whether it was opened behind bytes that are no whole line. */
  get isInLine(): boolean {
    return this.#fingerprint.length > 0 && this.#fingerprint.at(-1) !== LF;
  }

  is({ dev, ino }: FileIdentity): boolean {
    return this.#identity.dev === dev && this.#identity.ino === ino;
  }

  /**
   * Starts over when the file was cut: when it is shorter than what was read, or has grown past that since it
   * was cut, and what stands before the position is not what was read there.
   *
   * @returns whether it was
   */
  async wasTruncated(): Promise<boolean> {
    const { size } = await this.#handle.stat();
    if (size === this.#position && size === 0) return false;
    if (size >= this.#position && (await this.#isAsRemembered())) return false;
    this.#position = 0;
    this.#fingerprint = Buffer.alloc(0);
    return true;
  }

  /** What was appended, at most 256 KiB of it, valid until the next call; null at the end of the file. */
  async read(): Promise<Buffer | null> {
    const { bytesRead } = await this.#handle.read(this.#chunk, 0, CHUNK_BYTES, this.#position);
    if (bytesRead === 0) return null;
    const bytes = this.#chunk.subarray(0, bytesRead);
    this.#position += bytesRead;
    const tail = Buffer.concat([this.#fingerprint, bytes.subarray(-FINGERPRINT_BYTES)]);
    this.#fingerprint = Buffer.from(tail.subarray(-FINGERPRINT_BYTES));
    return bytes;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #remember(): Promise<void> {
    this.#fingerprint = await this.#before(Math.min(FINGERPRINT_BYTES, this.#position));
  }

  async #isAsRemembered(): Promise<boolean> {
    return (await this.#before(this.#fingerprint.length)).equals(this.#fingerprint);
  }

  async #before(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, this.#position - length);
    return bytes.subarray(0, bytesRead);
  }
}
