/** What can be told of the ring without one. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { followKmsg } from '../../src/source/kmsg.ts';
import { RingWaiter } from '../../src/source/ring-waiter.ts';

/** More than are read before a timer is due, however slow the machine. */
const MOST_BATCHES = 5_000;

it('a ring that never runs dry leaves time for all else', async () => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const place = { kind: 'kmsg', boot, sequence: -1 } as const;
  const ending = new AbortController();
  setTimeout(() => ending.abort(), 1);
  let batches = 0;
  const ring = followKmsg({
    signal: ending.signal,
    path: '/dev/zero',
    resume: { from: place, upTo: place },
  });
  for await (const { kind } of ring) if (kind === 'lines' && ++batches === MOST_BATCHES) break;
  expect(batches).toBeGreaterThan(0);
  expect(batches).toBeLessThan(MOST_BATCHES);
});

it('a ring that cannot be opened once more is looked at, and not waited for', () => {
  const waiter = new RingWaiter('/dev/null/kmsg', () => undefined);
  expect(waiter.begin(1)).toBe(false);
});
