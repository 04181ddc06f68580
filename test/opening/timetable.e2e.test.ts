import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Timetable } from '../../src/opening/timetable.ts';

const HOUR_MS = 3_600_000;

describe('a timetable', () => {
  const zone = process.env['TZ'];
  let rung: string[];
  let table: Timetable;

  beforeEach(() => {
    vi.useFakeTimers();
    rung = [];
    table = new Timetable(() => rung.push(new Date().toISOString().slice(0, 16)));
  });
  afterEach(() => {
    table.set(null);
    vi.useRealTimers();
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  async function from(
    start: string,
    expression: string | null,
    hours: number,
    tz = 'Europe/Berlin',
  ): Promise<void> {
    process.env['TZ'] = tz;
    vi.setSystemTime(new Date(start));
    table.set(expression);
    await vi.advanceTimersByTimeAsync(hours * HOUR_MS);
  }

  it.each([
    [
      'at the hour after the gap of spring',
      '0 3 * * *',
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00', '2026-03-30T01:00'],
    ],
    ['in the gap of spring', '30 2 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T00:30']],
    [
      'in the double hour of autumn',
      '30 2 * * *',
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    ['at the hour after that', '0 3 * * *', '2026-10-24T12:00Z', ['2026-10-25T02:00', '2026-10-26T02:00']],
  ])('rings once a day %s', async (_, expression, start, at) => {
    await from(start, expression, 48);
    expect(rung).toEqual(at);
  });

  it('goes by the local time', async () => {
    await from('2026-07-01T00:00Z', '0 3 * * *', 24, 'America/New_York');
    expect(rung).toEqual(['2026-07-01T07:00']);
  });

  it('rings once, in the minute, also when that is weeks away', async () => {
    await from('2026-02-01T00:00Z', '0 0 1 3 *', 24 * 29, 'UTC');
    expect(rung).toEqual(['2026-03-01T00:00']);
  });

  it('follows the last expression alone, or none', async () => {
    await from('2026-07-01T00:00Z', '0 1 * * *', 0, 'UTC');
    await from('2026-07-01T00:00Z', '0 2 * * *', 24, 'UTC');
    expect(rung).toEqual(['2026-07-01T02:00']);
    await from('2026-07-02T00:00Z', null, 24, 'UTC');
    expect(rung).toHaveLength(1);
  });

  it('notices that the clock was set forward', async () => {
    await from('2026-07-01T00:00Z', '0 3 * * *', 1, 'UTC');
    vi.setSystemTime(new Date('2026-07-01T02:59:30Z'));
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(rung).toEqual(['2026-07-01T03:00']);
  });
});
