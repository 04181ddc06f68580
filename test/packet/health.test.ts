import { expect, it } from 'vitest';
import { LogHealth } from '../../src/packet/health.ts';

const S = 1_000_000;
const loss = (count: number) => Buffer.from(`vm kernel: net_ratelimit: ${count} callbacks suppressed\n`);

it('forged lines are told at once, and then at most once a minute', () => {
  const health = new LogHealth();
  const told = [
    health.reports(0, 3),
    health.reports(30 * S, 9),
    health.reports(60 * S, 9),
    health.reports(200 * S, 9),
  ];
  expect(told).toEqual([
    ["3 lines carry the prefix but are not the kernel's, and did not count"],
    [],
    ["6 lines carry the prefix but are not the kernel's, and did not count"],
    [],
  ]);
});

it('what the log says of missing lines is told in its words, at most once a minute', () => {
  const health = new LogHealth();
  health.hear(loss(12), 0);
  expect(health.reports(0, 0)).toEqual(['knocks may be missing, as the log says "12 callbacks suppressed"']);
  health.hear(loss(7), S);
  health.hear(loss(8), 2 * S);
  expect(health.reports(2 * S, 0)).toEqual([]);
  expect(health.reports(61 * S, 0)).toEqual([
    'knocks may be missing, as the log says "7 callbacks suppressed", and 1 more like it',
  ]);
});

/** What is told from one second to another, to whom asks twice a minute. */
function silences(health: LogHealth, from: number, to: number): string[] {
  const told: string[] = [];
  for (let second = from; second <= to; second += 30) told.push(...health.reports(second * S, 0));
  return told;
}

it('a log that had lines and has none for an hour is told once', () => {
  const health = new LogHealth();
  expect(silences(health, 0, 9_000), 'it has had none yet').toEqual([]);
  health.hear(Buffer.from('x\n'), 9_000 * S);
  expect(silences(health, 9_000, 12_570)).toEqual([]);
  expect(silences(health, 12_600, 12_600)).toEqual(['knocks may be missing: no line has come for an hour']);
  expect(silences(health, 12_630, 99_990)).toEqual([]);
});

it.each([
  ['a machine that has slept, or a clock that was set forward,', 99_000],
  ['a clock that was set back', 1_000],
])('%s is no silence, but its silence since then is', (_, then) => {
  const health = new LogHealth();
  expect(silences(health, 50_000, 50_010)).toEqual([]);
  health.hear(Buffer.from('x\n'), 50_010 * S);
  expect(silences(health, 50_030, 50_100)).toEqual([]);
  expect(silences(health, then, then + 3_570)).toEqual([]);
  expect(silences(health, then + 3_600, then + 3_600)).toHaveLength(1);
});

it('a clock that was set back silences no warning', () => {
  const health = new LogHealth();
  health.hear(loss(1), 9_000 * S);
  expect(health.reports(9_000 * S, 1)).toHaveLength(2);
  health.hear(loss(1), S);
  expect(health.reports(S, 2)).toHaveLength(2);
});

it('what the log says of missing lines adds up, and one lie does not weigh without end', () => {
  const health = new LogHealth();
  health.hear(loss(12), 0);
  health.hear(loss(30), 1);
  expect(health.suppressed).toBe(42);
  health.hear(loss(Number.MAX_SAFE_INTEGER), 2);
  expect(health.suppressed).toBeLessThan(2 ** 32);
});
