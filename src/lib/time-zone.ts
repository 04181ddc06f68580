/** Turns civil time of a time zone into moments. */

import { type Micros, US_PER_MS } from '../model.ts';

export interface TimeZone {
  /** How far its clocks are ahead of UTC at a moment, in milliseconds. */
  offsetMsAt(utcMs: number): number;
}

const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 60 * MS_PER_MINUTE;
/** Zones change at whole quarters of an hour. */
const MS_PER_QUARTER = 15 * MS_PER_MINUTE;
/** Further from a moment than any zone's clock is from UTC. */
const FAR_MS = 26 * MS_PER_HOUR;
const FIXED = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?$/i;
const LARGEST_OFFSET_HOURS = 14;

/** That of this process. */
export const LOCAL_ZONE: TimeZone = {
  offsetMsAt: (utcMs) => -new Date(utcMs).getTimezoneOffset() * MS_PER_MINUTE,
};

/** `local`, `utc`, `+05:45` or a name such as Europe/Berlin; null for anything else. */
export function parseTimeZone(text: string): TimeZone | null {
  const word = text.trim().toLowerCase();
  if (word === 'local') return LOCAL_ZONE;
  if (word === 'utc' || word === 'z') return { offsetMsAt: () => 0 };
  const [, sign, hours = '', minutes = '0'] = FIXED.exec(word) ?? [];
  if (sign === undefined) return named(text.trim());
  if (Number(hours) > LARGEST_OFFSET_HOURS) return null;
  const offsetMs = Number(hours) * MS_PER_HOUR + Number(minutes) * MS_PER_MINUTE;
  return { offsetMsAt: () => (sign === '-' ? -offsetMs : offsetMs) };
}

/** The last minute that was worked out: the lines of a log share it by the thousand. */
let last: { zone: TimeZone; civilMs: number; moments: readonly number[] } = {
  zone: LOCAL_ZONE,
  civilMs: Number.NaN,
  moments: [],
};

/**
 * The moment of a civil minute. Of one that comes twice, as clocks are set back, the moment nearest to `reference`; one
 * that is skipped is read by the offset before the change.
 *
 * @param civilMs the minute as if it were UTC, in milliseconds
 */
export function momentOf(zone: TimeZone, civilMs: number, reference: Micros): Micros {
  const referenceMs = reference / US_PER_MS;
  if (last.civilMs !== civilMs || last.zone !== zone)
    last = { zone, civilMs, moments: momentsOf(zone, civilMs, referenceMs) };
  const nearest = last.moments.reduce((best, moment) =>
    Math.abs(moment - referenceMs) < Math.abs(best - referenceMs) ? moment : best,
  );
  return nearest * US_PER_MS;
}

function momentsOf(zone: TimeZone, civilMs: number, referenceMs: number): readonly number[] {
  const before = zone.offsetMsAt(civilMs - FAR_MS);
  const isNear = Math.abs(referenceMs - civilMs) < FAR_MS;
  const offsets = new Set([
    before,
    zone.offsetMsAt(civilMs + FAR_MS),
    isNear ? zone.offsetMsAt(referenceMs) : before,
  ]);
  const moments = [...offsets].map((offset) => civilMs - offset);
  const real = moments.filter((moment) => moment + zone.offsetMsAt(moment) === civilMs);
  return real.length > 0 ? real : [civilMs - before];
}

/** A zone of the tz database; null where the name is none. */
function named(name: string): TimeZone | null {
  const format = formatOf(name);
  if (format === null) return null;
  let quarter = Number.NaN;
  let offsetMs = 0;
  return {
    offsetMsAt(utcMs) {
      const wanted = Math.floor(utcMs / MS_PER_QUARTER) * MS_PER_QUARTER;
      if (wanted !== quarter) {
        offsetMs = civilOf(format, wanted) - wanted;
        quarter = wanted;
      }
      return offsetMs;
    },
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  const [year, month, day, hour, minute, second] = [
    'numeric',
    '2-digit',
    '2-digit',
    '2-digit',
    '2-digit',
    '2-digit',
  ] as const;
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      calendar: 'gregory',
      numberingSystem: 'latn',
      year,
      month,
      day,
      hour,
      minute,
      second,
    });
  } catch {
    return null;
  }
}

/** What a clock of the zone shows, as if it were UTC. */
function civilOf(format: Intl.DateTimeFormat, utcMs: number): number {
  const parts = new Map(format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}
