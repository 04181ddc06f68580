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

it('a log that had lines and has none for an hour is told once', () => {
  const health = new LogHealth();
  expect(health.reports(9_000 * S, 0), 'it has had none yet').toEqual([]);
  health.hear(Buffer.from('x\n'), 9_000 * S);
  expect(health.reports(12_599 * S, 0)).toEqual([]);
  expect(health.reports(12_600 * S, 0)).toEqual(['knocks may be missing: no line has come for an hour']);
  expect(health.reports(99_999 * S, 0)).toEqual([]);
});

it('what the log says of missing lines adds up, and one lie does not weigh without end', () => {
  const health = new LogHealth();
  health.hear(loss(12), 0);
  health.hear(loss(30), 1);
  expect(health.suppressed).toBe(42);
  health.hear(loss(Number.MAX_SAFE_INTEGER), 2);
  expect(health.suppressed).toBeLessThan(2 ** 32);
});
