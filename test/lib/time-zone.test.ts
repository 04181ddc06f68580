/** Civil time of every zone, through every change of its clocks. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentOf, parseTimeZone, type TimeZone } from '../../src/lib/time-zone.ts';
import { readStamp } from '../../src/packet/stamp.ts';

const HOUR_MS = 3_600_000;
const names = Intl.supportedValuesOf('timeZone');
const zoneOf = (name: string): TimeZone => parseTimeZone(name) ?? expect.fail();

/** The quarters of an hour in a year at which a zone sets its clocks. */
function changesOf(zone: TimeZone, year: number): number[] {
  const changes: number[] = [];
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 24 * HOUR_MS) {
    if (zone.offsetMsAt(day) === zone.offsetMsAt(day + 24 * HOUR_MS)) continue;
    let [before, after] = [day, day + 24 * HOUR_MS];
    while (after - before > HOUR_MS / 4) {
      const middle = (before + after) / 2;
      if (zone.offsetMsAt(middle) === zone.offsetMsAt(before)) before = middle;
      else after = middle;
    }
    changes.push(after);
  }
  return changes;
}

const changing = names.flatMap((name) => changesOf(zoneOf(name), 2026).map((change) => ({ name, change })));

describe('a stamp without a zone', () => {
  it('is the moment at which it was written, also within the hour that comes twice', () => {
    expect(changing.length).toBeGreaterThan(100);
    fc.assert(
      fc.property(
        fc.constantFrom(...changing),
        fc.integer({ min: -3 * 60, max: 3 * 60 }),
        fc.integer({ min: 0, max: 5_000 }),
        ({ name, change }, minutes, lateMs) => {
          const zone = zoneOf(name);
          const written = change + minutes * 60_000;
          const civil = written + zone.offsetMsAt(written);
          expect(momentOf(zone, civil, (written + lateMs) * 1_000)).toBe(written * 1_000);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is read in the year nearest to the reading, over the turn of a year, in every zone', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.integer({ min: -40 * 3_600, max: 40 * 3_600 }),
        fc.integer({ min: 2020, max: 2040 }),
        (name, seconds, year) => {
          const zone = zoneOf(name);
          const written = Date.UTC(year, 0, 1) + seconds * 1_000;
          const civil = new Date(written + zone.offsetMsAt(written));
          const [, day, month] = civil.toUTCString().split(' ');
          const text = Buffer.from(
            `${month} ${String(Number(day)).padStart(2)} ${civil.toISOString().slice(11, 19)} vm`,
          );
          const stamp = readStamp(text, 0, text.length, (written + 1_500) * 1_000);
          expect(stamp?.time).toBe(civil.getTime() * 1_000);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('a configured time zone', () => {
  it.each([
    ['utc', 0],
    ['UTC', 0],
    ['+05:45', 5.75],
    ['-0330', -3.5],
    ['+1', 1],
    ['UTC-5', -5],
    ['Asia/Kathmandu', 5.75],
    ['America/Phoenix', -7],
  ])('%s is %d hours ahead of UTC', (text, hours) => {
    expect(zoneOf(text).offsetMsAt(Date.UTC(2026, 10, 27))).toBe(hours * HOUR_MS);
  });

  it.each(['', 'Berlin', '+25', '5', 'Europe/Nowhere', '+05:75'])('%j is none', (text) => {
    expect(parseTimeZone(text)).toBeNull();
  });
});
