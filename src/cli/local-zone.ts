/** Takes the time zone of /etc/localtime where the runtime has not found it, as where a container has the host's mounted. */

import { readFileSync } from 'node:fs';
import { LOCAL_ZONE, parseTimeZone, type TimeZone } from '../lib/time-zone.ts';

const LOCALTIME = '/etc/localtime';
const MS_PER_SECOND = 1_000;
const HEADER_BYTES = 44;
/** Clocks of zones were set by local noon once, which no runtime knows to the second. */
const SINCE_S = Date.UTC(1990, 0, 1) / MS_PER_SECOND;

/** What a file of time zone information says: offsets of UTC, and from when on each holds (RFC 9636). */
interface Change {
  readonly atMs: number;
  readonly offsetMs: number;
}

/**
 * The name of the zone, null where that of the process is right already, or where there is no such file. A variable TZ is
 * the user's word.
 */
export function zoneOfMachine(path = LOCALTIME, current: TimeZone = LOCAL_ZONE): string | null {
  if (process.env['TZ'] !== undefined) return null;
  const changes = changesIn(path);
  if (changes === null || agrees(current, changes)) return null;
  return Intl.supportedValuesOf('timeZone').find((name) => agrees(parseTimeZone(name), changes)) ?? null;
}

function agrees(zone: TimeZone | null, changes: readonly Change[]): boolean {
  return (
    zone !== null && changes.every(({ atMs, offsetMs }) => zone.offsetMsAt(atMs + MS_PER_SECOND) === offsetMs)
  );
}

/** Null where the file is none of time zone information. */
function changesIn(path: string): readonly Change[] | null {
  try {
    return parseZoneFile(readFileSync(path));
  } catch {
    return null;
  }
}

/** The second block of the file, whose moments have 64 bits. */
function parseZoneFile(file: Buffer): readonly Change[] | null {
  if (file.toString('latin1', 0, 4) !== 'TZif' || file[4] === 0) return null;
  const first = countsAt(file, 0);
  const start =
    HEADER_BYTES +
    first.times * 5 +
    first.types * 6 +
    first.chars +
    first.leaps * 8 +
    first.isStd +
    first.isUt;
  const { times, types } = countsAt(file, start);
  const timesAt = start + HEADER_BYTES;
  const typesAt = timesAt + times * 9;
  const offsetMsOf = (type: number): number => file.readInt32BE(typesAt + type * 6) * MS_PER_SECOND;
  const changes = Array.from({ length: times }, (_, index) => ({
    at: Number(file.readBigInt64BE(timesAt + index * 8)),
    type: file[timesAt + times * 8 + index] ?? 0,
  }));
  const recent = changes.filter(({ at }) => at >= SINCE_S);
  if (recent.length > 0)
    return recent.map(({ at, type }) => ({ atMs: at * MS_PER_SECOND, offsetMs: offsetMsOf(type) }));
  if (types === 0) return null;
  // Its clocks were not set for long.
  return [{ atMs: SINCE_S * MS_PER_SECOND, offsetMs: offsetMsOf(changes.at(-1)?.type ?? 0) }];
}

function countsAt(file: Buffer, at: number) {
  const [isUt = 0, isStd = 0, leaps = 0, times = 0, types = 0, chars = 0] = [20, 24, 28, 32, 36, 40].map(
    (offset) => file.readUInt32BE(at + offset),
  );
  return { isUt, isStd, leaps, times, types, chars };
}
