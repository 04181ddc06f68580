import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SweepGuard } from '../../src/attempt/sweep.ts';
import { strayLimits } from '../../src/sweep-limits.ts';
import { runs } from '../support/runs.ts';
import { isSweeping, type StrayLine } from './oracle.ts';
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

it('the figures agree: what the firewall holds back is always behind lines enough to tell', () => {
  for (let guard = 1; guard <= 1_000; guard++) {
    const { atOnce, perSecond, suspect, drainPerSecond } = strayLimits(guard);
    expect(suspect).toBeLessThan(atOnce - 1);
    expect(suspect).toBeGreaterThan(guard + 1);
    expect(drainPerSecond).toBeLessThan(perSecond);
  }
});

it('a source is sweeping exactly when its ports, or its lines, are too many', () => {
  const gap = fc.constantFrom(0, 1_000, 50_000, 250_000, 700_000, 2_000_000, 9_999_999, 10_000_000);
  const stray = fc.tuple(gap, fc.nat(13), fc.constantFrom(1, 1, 1, 8, 20));
  let swept = 0;
  fc.assert(
    fc.property(fc.constantFrom(1, 3, 8, 40), fc.array(stray, { maxLength: 30 }), (limit, script) => {
      const guard = new SweepGuard(limit, 64);
      const lines: StrayLine[] = [];
      let time = 1_000;
      for (const [pause, port, count] of script) {
        time += pause;
        for (let each = 0; each < count; each++) {
          lines.push({ port: port === 13 ? null : port, time });
          if (port === 13) guard.stray(textOf(7), null, time);
          else touch(guard, 7, port, time);
        }
        for (const window of [S, 25 * S]) {
          const expected = isSweeping(lines, time + 1, window, limit);
          expect(guard.sweeping(textOf(7), time + 1, window)).toBe(expected);
          if (expected) swept++;
        }
      }
    }),
    { numRuns: runs(300) },
  );
  expect(swept).toBeGreaterThan(100);
});
