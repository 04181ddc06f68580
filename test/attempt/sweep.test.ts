import { expect, it } from 'vitest';
import { SweepGuard } from '../../src/attempt/sweep.ts';
import { address } from './traffic.ts';

const S = 1_000_000;
const textOf = (ipv4: number) => address([24, 16, 8, 0].map((bits) => (ipv4 >>> bits) & 255).join('.'));

/** Touches a port as the engine does: at a glance where that is enough, else in full. */
function touch(guard: SweepGuard, ipv4: number, port: number, now: number): void {
  if (!guard.only(ipv4, port, now)) guard.stray(textOf(ipv4), port, now);
}

it('the first stray of a source, noted at a glance, counts with those that follow', () => {
  const guard = new SweepGuard(3, 64);
  for (let port = 1; port <= 4; port++) touch(guard, 7, port, port);
  expect([guard.sweeping(textOf(7), 5, S), guard.sweeping(textOf(8), 5, S)]).toEqual([true, false]);
});

it('a source whose first stray has the place of another cannot make that one forgotten', () => {
  const probe = new SweepGuard(3, 64);
  probe.only(7, 1, 0);
  let other = 8;
  while (probe.only(other, 1, 0)) other++;
  const guard = new SweepGuard(3, 64);
  for (let port = 1; port <= 4; port++) {
    touch(guard, 7, port, port * 10);
    touch(guard, other, 99, port * 10 + 5);
  }
  expect([guard.sweeping(textOf(7), 50, S), guard.sweeping(textOf(other), 50, S)]).toEqual([true, false]);
});

it('a place that has long been taken is given to the next', () => {
  const guard = new SweepGuard(3, 64);
  guard.only(7, 1, 0);
  let other = 8;
  while (guard.only(other, 1, 0)) other++;
  expect(guard.only(other, 1, 11 * S)).toBe(true);
});
