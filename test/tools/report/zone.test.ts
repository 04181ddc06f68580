/** Reports far from Greenwich. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { US_PER_MS } from '../../../src/model.ts';
import { Hours } from '../../../src/tools/report/hours.ts';
import { reportJson } from '../../../src/tools/report/json.ts';
import { reportPage } from '../../../src/tools/report/page.ts';
import { reportText } from '../../../src/tools/report/text.ts';
import { packet, reportOn } from './traffic.ts';

const HOUR_S = 3_600;
let zone: string | undefined;
beforeEach(() => {
  zone = process.env['TZ'];
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

it.each([
  ['UTC', '2026-11-21T23:59Z', 23],
  ['Asia/Kolkata', '2026-11-21T20:15Z', 1],
  ['Asia/Kolkata', '2026-11-21T20:45Z', 2],
  ['America/New_York', '2026-11-21T03:00Z', 22],
  // Both are half past two: the first in summer time.
  ['Europe/Berlin', '2026-10-25T00:30Z', 2],
  ['Europe/Berlin', '2026-10-25T01:30Z', 2],
])('in %s %s is of hour %i', (tz, moment, hour) => {
  process.env['TZ'] = tz;
  const hours = new Hours();
  hours.add(Date.parse(moment) * US_PER_MS);
  const { utc, local } = hours.read();
  expect([local.indexOf(1), utc.indexOf(1)]).toEqual([hour, new Date(moment).getUTCHours()]);
});

it.each([':/etc/localtime', '', 'Nowhere/Else'])('where TZ is %j it is in local time', (tz) => {
  process.env['TZ'] = tz;
  expect(reportText(reportOn([packet()]), 80)).toMatch(/ \((?:local time|UTC)\)\n/);
});

describe('a report in Berlin', () => {
  const doors = [{ door: 'ssh', openings: 1, nearMisses: 0, traps: 0, lastOpening: 1_795_219_200_000_000 }];
  const report = () => {
    process.env['TZ'] = 'Europe/Berlin';
    // From one o'clock in the night until the evening of the next day.
    return reportOn([packet(), packet({ after: 42 * HOUR_S })], { doors });
  };

  it('is in local time as text, and says so', () => {
    const text = reportText(report(), 80);
    expect(text).toContain('\n2026-11-21 01:00 to 2026-11-22 19:00 (Europe/Berlin)\n');
    expect(text).toMatch(/^Hours of the day \(Europe\/Berlin\)\n {2}00:00 {2}0 .*\n {2}01:00 {2}1 /m);
    expect(text).toMatch(/^ {2}2026-11-21 01:00:00 /m);
    expect(text).toMatch(/^ {2}ssh .* 2026-11-21 01:00:00$/m);
  });

  it('is in local time as a page, days beginning at midnight there', () => {
    const page = reportPage(report(), '');
    expect(page).toContain('<p>2026-11-21 01:00 to 2026-11-22 19:00 (Europe/Berlin)</p>');
    expect(page).toContain('<title>01:00 to 01:59: 1</title>');
    expect(page).toContain('last opened 2026-11-21 01:00<');
    // 23 of 43 hours.
    expect(page).toMatch(/<text x="53\.488%" [^>]*>Nov 22<\/text>/);
    expect(page).not.toContain('UTC');
  });

  it('is in UTC as JSON', () => {
    const told = JSON.parse(reportJson(report()));
    expect(told).toMatchObject({ from: '2026-11-21T00:00:00.000000Z', doors: [{ lastOpening: told.from }] });
    expect(told.hours.indexOf(1)).toBe(0);
  });
});
