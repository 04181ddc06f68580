/** A socket that is a lock: the kernel closes it when its owner ends, and it answers who that is. */

import { readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';

const ANSWER_MS = 2_000;

export interface LockOwner {
  /** Null where it does not say. */
  readonly pid: number | null;
  /** Whether process ids mean the same to it as to this process. */
  readonly isInReach: boolean;
}

/** @throws the error of the system, as EADDRINUSE */
export async function listenAsOwner(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${process.pid} ${pidNamespace()}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  // It is no reason to go on running.
  server.unref();
  return server;
}

/** Who holds the lock, as far as it says itself; null for nobody. */
export function lockOwner(path: string): Promise<LockOwner | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let said = '';
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('data', (text) => {
      said += text.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isFree = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      // The owner was killed before it could accept: itself, or a child of it that had yet to call execve(2).
      if (error.code === 'ECONNRESET') resolve(lockOwner(path));
      else resolve(isFree ? null : { pid: null, isInReach: false });
    });
    socket.on('close', () => {
      const [, pid, namespace = ''] = /^(\d+) (\S*)\n$/.exec(said) ?? [];
      if (pid === undefined) resolve({ pid: null, isInReach: false });
      else resolve({ pid: Number(pid), isInReach: namespace === pidNamespace() });
    });
  });
}

/** For a message: `another knocktail (pid 812)`. */
export function describeOwner({ pid, isInReach }: LockOwner): string {
  if (pid === null) return 'another knocktail';
  return `another knocktail (pid ${pid}${isInReach ? '' : ' in another container'})`;
}

/** What ids of processes are told apart by; empty where that is not known. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
