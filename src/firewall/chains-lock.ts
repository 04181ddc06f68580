/** Lets one knocktail at a time change the chains and jumps of this network. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describeOwner, listenAsOwner, lockOwner } from '../lib/lock-socket.ts';

/**
 * The name of an abstract socket (unix(7)), which belongs to a network as the rules do: containers that share the one share
 * the other, whatever files they have. It has the greatest length, since some versions of Node fill a shorter one up.
 */
const NAME = `\0${'knocktail changes its chains'.padEnd(107, '.')}`;
const POLL_MS = 20;

export interface ChainsLock {
  /** Who has kept it for all that time, in words; null where this holds the lock. */
  readonly keptBy: string | null;
  release(): void;
}

const HELD_BY_NOBODY: ChainsLock = { keptBy: null, release: () => undefined };

/**
 * Waits until nobody else holds the lock, or for so long. Any local user can keep it, so what must not fail has to go on
 * without it.
 */
export async function lockChains(limitMs: number, name = NAME): Promise<ChainsLock> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      const server = await listenAsOwner(name);
      return { keptBy: null, release: () => server.close() };
    } catch (error) {
      const isHeld = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      // Where there are no such sockets, nobody can hold one.
      if (!isHeld) return HELD_BY_NOBODY;
    }
    if (performance.now() >= deadline) {
      const owner = await lockOwner(name);
      if (owner !== null) return { keptBy: describeOwner(owner), release: () => undefined };
    } else await sleep(POLL_MS);
  }
}
