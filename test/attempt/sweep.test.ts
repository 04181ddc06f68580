import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SweepGuard } from '../../src/attempt/sweep.ts';
import { numbersOf } from '../../src/lib/address.ts';
import { strayLimits } from '../../src/sweep-limits.ts';
import { runs } from '../support/runs.ts';
import { isSweeping, type StrayLine } from './oracle.ts';
import { address } from './traffic.ts';

const S = 1_000_000;
const HOST = 0;
const client = (text: string) => numbersOf(address(text));
const A = client('192.0.2.1');
const B = client('192.0.2.2');

function sweep(guard: SweepGuard, source = A, host = HOST, from = 1): void {
  for (let port = 1; port <= 4; port++) guard.stray(host, source, port, from + port);
}

it('a source is sweeping on its own, and at one host', () => {
  const guard = new SweepGuard(3, 64);
  sweep(guard);
  expect(guard.sweeping(HOST, A, 6, S)).toBe(true);
  expect(guard.sweeping(HOST, B, 6, S)).toBe(false);
  expect(guard.sweeping(HOST + 1, A, 6, S)).toBe(false);
});

it('the addresses of an IPv6 network of 64 bits are one source, and those of the next another', () => {
  const guard = new SweepGuard(3, 64);
  for (let port = 1; port <= 4; port++) guard.stray(HOST, client(`2001:db8::${port}`), port, port);
  expect(guard.sweeping(HOST, client('2001:db8::ffff'), 5, S)).toBe(true);
  expect(guard.sweeping(HOST, client('2001:db8:0:1::1'), 5, S)).toBe(false);
});

it('an IPv6 network is never taken for an IPv4 address of the same number', () => {
  const guard = new SweepGuard(3, 64);
  sweep(guard, client('32.1.13.184'));
  expect(guard.sweeping(HOST, client('2001:db8::1'), 6, S)).toBe(false);
});

it('is reported when it begins, and once a minute while it goes on', () => {
  const guard = new SweepGuard(3, 64);
  const reported = (now: number) => guard.stray(HOST, A, now, now);
  expect([1, 2, 3, 4, 5].map(reported)).toEqual([false, false, false, true, false]);
  for (let second = 1; second < 60; second++) expect(reported(second * S)).toBe(false);
  expect(reported(60 * S + 5)).toBe(true);
});

it('is remembered in spite of a flood of other sources, as long as it goes on', () => {
  const guard = new SweepGuard(3, 1_024);
  sweep(guard);
  for (let other = 0; other < 100_000; other++) {
    guard.stray(HOST, { ...B, a: other }, 99, 10 + other);
    if (other % 100 === 0) guard.stray(HOST, A, 4, 10 + other);
  }
  expect(guard.sweeping(HOST, A, 100_010, S)).toBe(true);
});

it('is told of in no case where the guard is off', () => {
  const guard = new SweepGuard(0, 64);
  for (let port = 1; port <= 1_000; port++) expect(guard.stray(HOST, A, port, port)).toBe(false);
  expect(guard.sweeping(HOST, A, 1_001, S)).toBe(false);
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
  const stray = fc.tuple(gap, fc.nat(13), fc.constantFrom(1, 1, 1, 8, 20), fc.boolean());
  let swept = 0;
  fc.assert(
    fc.property(fc.constantFrom(1, 3, 8, 40), fc.array(stray, { maxLength: 30 }), (limit, script) => {
      const guard = new SweepGuard(limit, 64);
      const lines = new Map<typeof A, StrayLine[]>([
        [A, []],
        [B, []],
      ]);
      let time = 1_000;
      for (const [pause, port, count, isOther] of script) {
        time += pause;
        const source = isOther ? B : A;
        for (let each = 0; each < count; each++) {
          lines.get(source)?.push({ port: port === 13 ? null : port, time });
          guard.stray(HOST, source, port === 13 ? null : port, time);
        }
        for (const window of [S, 25 * S]) {
          for (const [each, strays] of lines) {
            const expected = isSweeping(strays, time + 1, window, limit);
            expect(guard.sweeping(HOST, each, time + 1, window)).toBe(expected);
            if (expected) swept++;
          }
        }
      }
    }),
    { numRuns: runs(300) },
  );
  expect(swept).toBeGreaterThan(100);
});
