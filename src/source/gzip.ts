/** Decompresses a log that logrotate has compressed. */

import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { EXIT, KnocktailError } from '../errors.ts';

/** RFC 1952, 2.3.1. */
const MAGIC = [0x1f, 0x8b] as const;
const CHUNK_BYTES = 256 * 1024;

/** By its first bytes, whatever its name; the file is then still at its beginning. */
export async function isGzip(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  return bytesRead === MAGIC.length && MAGIC.every((byte, index) => buffer[index] === byte);
}

/** @throws KnocktailError 65 where it is damaged or cut off */
export async function* gunzip(file: FileHandle, path: string): AsyncGenerator<Buffer, void, void> {
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  // Whatever fails, it fails the iteration below.
  pipeline(file.createReadStream({ autoClose: false, start: 0 }), unpacked, () => undefined);
  try {
    yield* unpacked;
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    throw new KnocktailError(`is damaged (${cause.message})`, {
      where: path,
      exitCode: EXIT.DATA,
      remedy: 'see what gzip -t says of it',
      cause,
    });
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}
