import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { machineClock } from '../../src/lib/machine-clock.ts';
import { US_PER_MS, US_PER_SECOND } from '../../src/model.ts';

/** Of /proc/uptime. */
const STEP_US = 10 * US_PER_MS;
const uptime = () => Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * US_PER_SECOND;

it('the clock shows the time since boot in microseconds', () => {
  const clock = machineClock();
  const before = uptime();
  const now = clock.now();
  expect(now).toBeGreaterThanOrEqual(before - STEP_US);
  expect(now).toBeLessThanOrEqual(uptime() + STEP_US);
  expect(Number.isInteger(now)).toBe(true);
});

it('the boot has an id', () => {
  expect(machineClock().boot).toMatch(/^[0-9a-f-]{36}$/);
});
