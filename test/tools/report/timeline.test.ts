import fc from 'fast-check';
import { expect, it } from 'vitest';
import { US_PER_SECOND } from '../../../src/model.ts';
import { Timeline } from '../../../src/tools/report/timeline.ts';

const timelineOf = (seconds: readonly number[]) => {
  const timeline = new Timeline();
  for (const second of seconds) timeline.add(second * US_PER_SECOND);
  return timeline.read();
};

it('has a stretch for each second of a short time, empty ones too', () => {
  expect(timelineOf([100, 102, 102])).toEqual({
    stepSeconds: 1,
    stretches: [
      { from: 100 * US_PER_SECOND, packets: 1 },
      { from: 101 * US_PER_SECOND, packets: 0 },
      { from: 102 * US_PER_SECOND, packets: 2 },
    ],
  });
});

it('takes hours for a few days', () => {
  const { stepSeconds, stretches } = timelineOf([0, 3_599, 3_600, 4 * 86_400 - 1]);
  expect([stepSeconds, stretches.length]).toEqual([3_600, 96]);
  expect(stretches.slice(0, 3).map(({ packets }) => packets)).toEqual([2, 1, 0]);
});

it('has nothing where nothing came', () => {
  expect(timelineOf([]).stretches).toEqual([]);
});

it('counts each moment once, in at most 120 stretches, in whatever order they come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4_000_000_000)), (seconds) => {
      const { stepSeconds, stretches } = timelineOf(seconds);
      expect(stretches.length).toBeLessThanOrEqual(120);
      const stepUs = stepSeconds * US_PER_SECOND;
      for (const { from, packets } of stretches) {
        const within = seconds.filter((it) => Math.floor((it * US_PER_SECOND) / stepUs) * stepUs === from);
        expect(packets).toBe(within.length);
      }
      expect(stretches.reduce((sum, { packets }) => sum + packets, 0)).toBe(seconds.length);
    }),
  );
});
