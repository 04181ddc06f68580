/** Keeps a second daemon out of a state folder, by a socket that the kernel closes when its owner dies. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, linkSync, openSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { makeFolder } from '../lib/atomic-write.ts';
import { describeOwner, type LockOwner, listenAsOwner, lockOwner } from '../lib/lock-socket.ts';

const NAME = 'lock';
/** What a socket's path may have at most (sun_path of sockaddr_un, with its NUL). */
const LONGEST_PATH = 107;
/** Of the name that a socket has before it is the lock. */
const LONGEST_NAME = 16;
const GUARD_MS = 10;

interface Held {
  readonly folder: string;
  readonly place: LogPosition;
  readonly server: Server;
}

/** A folder under a path that is short enough for sockets. */
interface LogPosition {
  readonly path: string;
  /** A descriptor of the folder, by which the path leads there; null where it does by itself. */
  readonly fd: number | null;
}

/**
 * A process id in a file would outlive `kill -9` and mean nothing in another container that shares the folder. A socket
 * without a listener refuses connections, from every process and container. (Node has no flock(2).)
 */
export class StateLock {
  #held: Held | null = null;

  /**
   * Holds the lock of this folder in place of the one held before, once `then` has succeeded.
   *
   * @returns why the folder cannot be locked; null where it is
   * @throws KnocktailError 69 where another daemon holds it, and what `then` throws; the lock held before stays held
   */
  async hold(folder: string, then: () => Promise<void> = async () => undefined): Promise<string | null> {
    if (this.#held?.folder === folder) {
      await then();
      return null;
    }
    const held = await take(folder);
    try {
      await then();
    } catch (error) {
      if (typeof held !== 'string') drop(held);
      throw error;
    }
    this.release();
    if (typeof held === 'string') return held;
    this.#held = held;
    return null;
  }

  release(): void {
    if (this.#held !== null) drop(this.#held);
    this.#held = null;
  }
}

/** The daemon that holds the lock of this folder; null for none. */
export async function daemonOf(folder: string): Promise<LockOwner | null> {
  let place: LogPosition;
  try {
    place = placeOf(folder);
  } catch {
    // A folder that is not there has no owner. One that may not be entered does not say.
    return null;
  }
  return lockOwner(join(place.path, NAME)).finally(() => leave(place));
}

function drop({ place, server }: Held): void {
  server.close();
  rmSync(join(place.path, NAME), { force: true });
  leave(place);
}

/** Resolves to the reason where there can be no lock. */
async function take(folder: string): Promise<Held | string> {
  let place: LogPosition | null = null;
  let server: Server | null = null;
  try {
    makeFolder(folder);
    place = placeOf(folder);
    const path = join(place.path, `${NAME}.${randomBytes(4).toString('hex')}`);
    server = await listenAsOwner(path);
    try {
      await name(path, place, folder);
    } finally {
      rmSync(path, { force: true });
    }
    return { folder, place, server };
  } catch (error) {
    server?.close();
    if (place !== null) leave(place);
    if (error instanceof KnocktailError) throw error;
    return messageOf(error);
  }
}

/** Gives the socket its second name, the lock: it is there at once, with somebody who answers, or not at all. */
async function name(path: string, { path: folder }: LogPosition, named: string): Promise<void> {
  const lock = join(folder, NAME);
  for (;;) {
    try {
      linkSync(path, lock);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const owner = await lockOwner(lock);
    if (owner !== null) throw inUse(named, owner);
    await discard(lock, path);
  }
}

function placeOf(folder: string): LogPosition {
  if (Buffer.byteLength(folder) + 1 + LONGEST_NAME <= LONGEST_PATH) return { path: folder, fd: null };
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}`, fd };
}

function leave({ fd }: LogPosition): void {
  if (fd !== null) closeSync(fd);
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
    if ((await lockOwner(guard)) === null) rmSync(guard, { force: true });
    await sleep(GUARD_MS);
    return;
  }
  try {
    if ((await lockOwner(lock)) === null) rmSync(lock, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function inUse(folder: string, owner: LockOwner): KnocktailError {
  return new KnocktailError(`${describeOwner(owner)} uses this state folder`, {
    where: 'state',
    value: folder,
    exitCode: EXIT.UNAVAILABLE,
    remedy: 'stop it, or give this one a folder of its own with --state',
  });
}
