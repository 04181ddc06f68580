/** Reads a finished log to its end: a file, a stream, or what the kernel's ring holds. */

import { open as openDescriptor, type Stats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { EXIT, KnocktailError } from '../errors.ts';
import type { LineEvent, Micros } from '../model.ts';
import { wallClock } from './clock.ts';
import { gunzip, isGzip } from './gzip.ts';
import { readKmsg } from './kmsg.ts';
import { KMSG, KMSG_DEVICE } from './kmsg-device.ts';
import { LineSplitter } from './line-splitter.ts';
import { lostOverlong } from './notice.ts';
import { unreadable } from './unreadable.ts';

/** Each read goes through a thread of its own and several steps of ours, which cost as much as some hundred lines. */
const CHUNK_BYTES = 1024 * 1024;
/** Character device 1:3, which has nothing to read. */
const NULL_DEVICE = (1 << 8) | 3;
const PROC_KMSG = '/proc/kmsg';

export interface ReadOptions {
  /** What to call the stream when something is wrong with it. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly clock?: () => Micros;
}

/**
 * Reads a recorded log to its end, one that gzip has compressed as well; `-` is stdin. Of /dev/kmsg it reads what is there.
 *
 * @throws KnocktailError 66 for a missing file or a folder, 77 for lack of permission, 74 for a failing disk and for what has no end,
 * 65 for a damaged gzip file
 */
export async function* readLog(
  path: string,
  { stdin, signal }: { readonly stdin: Readable; readonly signal: AbortSignal },
): AsyncGenerator<LineEvent, void, void> {
  if (path === '-') return yield* readStream(stdin, { name: 'stdin', signal });
  const stats = await statOf(path);
  if (isRing(stats)) return yield* readKmsg({ signal, path });
  if (stats.isFIFO()) return yield* readStream(await pipeAt(path), { name: path, signal });
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const isFile = await file.stat().then((stats) => stats.isFile());
    const chunks = isFile ? chunksOf(file, path) : file.createReadStream({ autoClose: false });
    yield* linesOf(chunks, { name: path, signal });
  } finally {
    await file.close();
  }
}

async function statOf(path: string): Promise<Stats> {
  const fail = (error: unknown): never => {
    throw unreadable(path, error);
  };
  const stats = await stat(path).catch(fail);
  const isDevice = stats.isBlockDevice() || (stats.isCharacterDevice() && stats.rdev !== NULL_DEVICE);
  if (isDevice && !isRing(stats)) throw endless(path, 'is a device', 'name a log file, or - for stdin');
  // Reading it takes lines away from the syslog daemon, and waits for more.
  if ((await realpath(path).catch(() => path)) === PROC_KMSG)
    throw endless(path, 'is for the syslog daemon', `name ${KMSG} instead`);
  return stats;
}

function isRing(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === KMSG_DEVICE;
}

function endless(where: string, what: string, remedy: string): KnocktailError {
  return new KnocktailError(what, { where, exitCode: EXIT.IO, remedy });
}

/** As a socket, since a read of a file that waits for its writer cannot be ended. */
async function pipeAt(path: string): Promise<Readable> {
  const descriptor = await promisify(openDescriptor)(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return new Socket({ fd: descriptor, readable: true, writable: false });
}

/** A file in one buffer, which is written over when the next chunk is asked for: a stream makes one for each. */
async function* chunksOf(file: FileHandle, path: string): AsyncGenerator<Buffer, void, void> {
  if (await isGzip(file)) return yield* gunzip(file, path);
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * The lines of a stream, to its end. A last line counts even if it has no LF. Ends early, without an error, when aborted.
 *
 * @throws KnocktailError as `readLog` when the stream fails
 */
export function readStream(stream: Readable, options: ReadOptions): AsyncGenerator<LineEvent, void, void> {
  addAbortSignal(options.signal, stream);
  return linesOf(stream, options);
}

async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  { name, signal, clock = wallClock }: ReadOptions,
): AsyncGenerator<LineEvent, void, void> {
  const splitter = new LineSplitter();
  try {
    for await (const chunk of chunks) {
      for (const bytes of splitter.push(chunk))
        yield { kind: 'lines', bytes, readAt: clock(), bootedAt: null, place: null, again: false };
      if (signal.aborted) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw unreadable(name, error);
  }
  const last = splitter.flush();
  if (last !== null)
    yield { kind: 'lines', bytes: last, readAt: clock(), bootedAt: null, place: null, again: false };
  if (splitter.overlong > 0) yield lostOverlong(name, splitter.overlong);
}
