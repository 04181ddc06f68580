/** Keeps a second daemon out of a state folder, by a socket that the kernel closes when its owner dies. */

import { randomBytes } from 'node:crypto';
import { linkSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, KnocktailError } from '../errors.ts';
import { makeFolder } from '../replace.ts';

const NAME = 'lock';
/** What a socket's path may have at most (sun_path of sockaddr_un, with its NUL). */
const LONGEST_PATH = 107;
const ANSWER_MS = 2_000;
const GUARD_MS = 10;

interface Held {
  readonly folder: string;
  readonly server: Server;
  /** Where the socket was made; the lock is another name of it. */
  readonly path: string;
}

/**
 * A process id in a file would outlive `kill -9`, and mean nothing in another container that shares the folder. A socket
 * that nobody listens at any more refuses connections, whoever asks and wherever.
 */
export class StateLock {
  #held: Held | null = null;

  /**
   * Holds the lock of this folder, and gives up the one held before.
   *
   * @throws KnocktailError 69 where another daemon holds it
   */
  async hold(folder: string): Promise<void> {
    if (this.#held?.folder === folder) return;
    const held = await take(folder);
    this.release();
    this.#held = held;
  }

  release(): void {
    const held = this.#held;
    this.#held = null;
    if (held === null) return;
    held.server.close();
    for (const path of [join(held.folder, NAME), held.path]) rmSync(path, { force: true });
  }
}

/** Null where there can be no lock: the folder cannot be written, of which the daemon warns by itself. */
async function take(folder: string): Promise<Held | null> {
  const lock = join(folder, NAME);
  const path = `${lock}.${randomBytes(4).toString('hex')}`;
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new KnocktailError('the path is too long for a socket', {
      where: 'state',
      value: folder,
      exitCode: EXIT.CONFIG,
      remedy: `name a folder with at most ${LONGEST_PATH - NAME.length - 10} bytes in its path`,
    });
  const server = await listen(folder, path);
  if (server === null) return null;
  const held = { folder, server, path };
  for (;;) {
    try {
      // As a second name of the socket it is there at once, with somebody who answers, or not at all.
      linkSync(path, lock);
      return held;
    } catch {
      const owner = await ownerOf(lock);
      if (owner === 'nobody') {
        await discard(lock, path);
        continue;
      }
      server.close();
      rmSync(path, { force: true });
      throw inUse(folder, owner);
    }
  }
}

async function listen(folder: string, path: string): Promise<Server | null> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${process.pid}\n`);
  });
  try {
    makeFolder(folder);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch {
    return null;
  }
  // It is no reason to go on running.
  server.unref();
  return server;
}

/** The process id of the daemon that holds the lock, as it says itself: in another container it is another. */
function ownerOf(lock: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(lock);
    let said = '';
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('data', (text) => {
      said += text.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'nobody' : 'unknown');
    });
    socket.on('close', () => resolve(/^\d+$/.test(said.trim()) ? said.trim() : 'unknown'));
  });
}

/**
 * Removes a lock that nobody holds. Of several daemons that find it, one at a time looks once more and removes it, so that
 * none removes the lock that another has just taken.
 */
async function discard(lock: string, path: string): Promise<void> {
  const guard = `${lock}.guard`;
  try {
    linkSync(path, guard);
  } catch {
    // Unless its owner was killed right there, it goes in a moment.
    if ((await ownerOf(guard)) === 'nobody') rmSync(guard, { force: true });
    await sleep(GUARD_MS);
    return;
  }
  try {
    if ((await ownerOf(lock)) === 'nobody') rmSync(lock, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function inUse(folder: string, owner: string): KnocktailError {
  const who = owner === 'unknown' ? 'another knocktail' : `another knocktail (pid ${owner})`;
  return new KnocktailError(`${who} uses this state folder`, {
    where: 'state',
    value: folder,
    exitCode: EXIT.UNAVAILABLE,
    remedy: 'stop it, or give this one a folder of its own with --state',
  });
}
