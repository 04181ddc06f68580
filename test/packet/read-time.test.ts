/** Up to when a log has been read, where more of it may be on its way. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadTime } from '../../src/packet/read-time.ts';

const S = 1_000_000;

/** Reads a batch whose first and last lines were written at these seconds. */
function read(time: ReadTime, seconds: { first?: number; last?: number }, readSecond: number): void {
  const [first = null, last = null] = [seconds.first, seconds.last].map((second) =>
    second === undefined ? null : second * S,
  );
  time.read({ first, last }, readSecond * S);
}

/** Up to which second it was read, where there was no more at this one. */
function passed(time: ReadTime, second: number, isComplete = false): number {
  time.drained(second * S);
  return time.passedAt(second * S, isComplete) / S;
}

describe('an empty pipe', () => {
  it('may have lines of the last seconds on their way', () => {
    const time = new ReadTime();
    expect(passed(time, 100)).toBe(97);
    read(time, { last: 99.8 }, 100);
    expect(passed(time, 100.5)).toBe(97.5);
  });

  it('of a source that is behind has been read up to its last line', () => {
    const time = new ReadTime();
    read(time, { last: 60 }, 100);
    expect(passed(time, 100)).toBe(60);
    expect(passed(time, 109)).toBe(60);
    read(time, { last: 80 }, 109);
    expect(passed(time, 118)).toBe(80);
  });

  it('of a source that was behind is the end once the source has been silent, or its lines are new', () => {
    const time = new ReadTime();
    read(time, { last: 60 }, 100);
    expect(passed(time, 110)).toBe(107);
    read(time, { last: 109.9 }, 110);
    expect(passed(time, 111)).toBe(108);
  });

  it('is waited for a minute at the most, however old its lines are', () => {
    const time = new ReadTime();
    for (let second = 1_000; second < 2_000; second += 5) {
      read(time, { last: 0 }, second);
      expect(passed(time, second)).toBe(second - 60);
    }
  });

  it('whose source was late within the last minute or two may have lines that are as late', () => {
    const time = new ReadTime();
    read(time, { last: 100 }, 100);
    passed(time, 107);
    read(time, { first: 101, last: 107.9 }, 108);
    expect(passed(time, 109)).toBe(103);
    expect(passed(time, 166)).toBe(160);
    expect(passed(time, 300)).toBe(297);
  });

  it('is waited for no longer when the clock was set back', () => {
    const time = new ReadTime();
    read(time, { last: 9_000 }, 9_050);
    expect(passed(time, 100)).toBe(50);
    expect(passed(time, 110)).toBe(107);
  });
});

describe('the end of a file', () => {
  it('is up to where it was read, at once', () => {
    const time = new ReadTime();
    expect(passed(time, 100, true)).toBe(100);
    read(time, { first: 100.2, last: 100.2 }, 100.3);
    expect(passed(time, 100.3, true)).toBe(100.3);
  });

  it('is not where a relay writes lines that were not there when they should have been', () => {
    const time = new ReadTime();
    read(time, { first: 100 }, 100);
    passed(time, 106, true);
    read(time, { first: 101 }, 107);
    expect(passed(time, 108, true)).toBe(103);
    expect(passed(time, 165, true)).toBe(160);
    expect(passed(time, 300, true)).toBe(300);
  });

  it('is after lines that were waiting for their reader', () => {
    const time = new ReadTime();
    passed(time, 100, true);
    read(time, { first: 40 }, 100.1);
    expect(passed(time, 100.2, true)).toBe(100.2);
  });

  it('is at most ten seconds back, however wild a stamp is', () => {
    const time = new ReadTime();
    read(time, { first: 86_400 }, 86_400);
    passed(time, 86_401, true);
    read(time, { first: 1 }, 86_402);
    expect(passed(time, 86_403, true)).toBe(86_393);
  });
});

it('a log that comes a little late at a steady pace never holds time back', () => {
  const delays = fc.array(
    fc.integer({ min: 0, max: 22 }).map((late) => late / 16),
    { minLength: 1, maxLength: 50 },
  );
  fc.assert(
    fc.property(delays, fc.boolean(), (lateSeconds, isComplete) => {
      const time = new ReadTime();
      let last = 0;
      lateSeconds.forEach((late, index) => {
        const readSecond = Math.max(last, index + late);
        last = readSecond;
        read(time, { first: index, last: index }, readSecond);
        expect(passed(time, readSecond, isComplete)).toBe(isComplete ? readSecond : readSecond - 3);
      });
    }),
  );
});
