/** What a flood of knocks leaves in the daemon's log. */

import { expect, it } from 'vitest';
import type { Decision } from '../../src/model.ts';
import { DecisionLimiter } from '../../src/telemetry/rate-limiter.ts';
import { address } from '../attempt/traffic.ts';

const S = 1_000_000;

function decision(event: Decision['event'], stage: number): Decision {
  return { time: 0, event, door: 'ssh', host: '', source: address('192.0.2.7'), stage, of: 3, why: null };
}

it('first knocks are told a hundred times a second, and then counted', () => {
  const muffle = new DecisionLimiter();
  const told = Array.from({ length: 500 }, () => muffle.tells(decision('stage', 1), 5 * S)).filter(Boolean);
  expect(told).toHaveLength(100);
  expect(muffle.report(5.9 * S)).toBeNull();
  expect(muffle.report(6 * S)).toMatch(/^400 more first knocks/);
  expect(muffle.report(6 * S)).toBeNull();
  expect(muffle.tells(decision('timeout', 1), 6 * S)).toBe(true);
});

it('what has got further is told all the same', () => {
  const muffle = new DecisionLimiter();
  for (let count = 0; count < 200; count++) muffle.tells(decision('trap', 0), 5 * S);
  for (const further of [
    decision('stage', 2),
    decision('timeout', 2),
    decision('open', 1),
    decision('reset', 2),
  ]) {
    expect(muffle.tells(further, 5 * S)).toBe(true);
  }
});
