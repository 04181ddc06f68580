/** What a firewall was asked for, counted. */

import { expect, it } from 'vitest';
import { FirewallTally } from '../../src/firewall/counted.ts';
import type { Firewall } from '../../src/model.ts';
import { opening, port } from '../openings.ts';

const REFUSED = { error: new Error('no'), why: 'other' } as const;

/** Refuses port 1 and cannot be listed. */
const stubborn: Firewall = {
  isDry: false,
  hasTime: true,
  ensure: () => Promise.resolve({ told: [], rebuilt: false }),
  intact: () => Promise.resolve(true),
  list: () => Promise.reject(new Error('locked')),
  has: () => Promise.resolve(true),
  insert: (openings) =>
    Promise.resolve(new Map(openings.filter((it) => it.port === 1).map((it) => [it, REFUSED]))),
  prepareRemoval: () => Promise.resolve(1),
  remove: (openings) =>
    Promise.resolve(new Map(openings.map((it) => [it, it.port === 1 ? new Error('no') : null]))),
  close: () => Promise.resolve(),
};

it('what came about and what did not is counted, and handed on as it is', async () => {
  const tally = new FirewallTally();
  const firewall = tally.watch(stubborn);
  const [good, bad] = [opening(), opening({ port: port(1) })];
  await firewall.ensure();
  await expect(firewall.list()).rejects.toThrow('locked');
  expect([...(await firewall.insert([good, bad])).keys()]).toEqual([bad]);
  expect((await firewall.remove([good, bad])).get(good)).toBeNull();
  expect(tally.counts).toEqual({
    ensure: { done: 1, failed: 0 },
    list: { done: 0, failed: 1 },
    insert: { done: 1, failed: 1 },
    remove: { done: 1, failed: 1 },
  });
});
