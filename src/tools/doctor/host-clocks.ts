/** Compares the clocks of the hosts that write a log with that of this machine. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Micros, US_PER_MS, US_PER_SECOND } from '../../model.ts';
import { zoneOf } from '../../packet/clock-reports.ts';
import { HostClocks } from '../../packet/host-clocks.ts';
import { hostOf } from '../../packet/line.ts';
import { readHeader } from '../../packet/timestamp.ts';
import { type Finding, ok, warn } from './finding.ts';

const CHECK = 'host clocks';
const TAIL_BYTES = 256 * 1024;
const LF = 10;
/** Hosts that are named in a line. */
const NAMED = 8;
/** A clock that is off by less than a knock's default max_age costs nothing. */
const OFF_US = 10 * US_PER_SECOND;
const QUARTER_US = 900 * US_PER_SECOND;
/** Stamps are whole seconds, and the last line was written some time before the file was looked at. */
const EXACT_US = 3 * US_PER_SECOND;

export interface HostOffset {
  readonly host: string;
  /** How far its stamps are ahead of this machine's clock; negative when behind. */
  readonly us: number;
  /** Whether its stamps name their zone. */
  readonly hasZone: boolean;
}

/** Null where the log shows no line with a time. */
export function checkHostClocks(path: string, timezone: string | null, nowMs: number): Finding | null {
  const tail = tailOf(path);
  if (tail === null) return null;
  const offsets = hostOffsets(tail.bytes, { writtenAt: tail.writtenAt, now: nowMs * US_PER_MS, timezone });
  if (offsets.length === 0) return null;
  const shown = offsets.slice(0, NAMED).map(describe).join(', ');
  const more = offsets.length > NAMED ? ` and ${offsets.length - NAMED} more hosts` : '';
  const off = offsets.find(({ us }) => Math.abs(us) > OFF_US);
  if (off !== undefined) return warn(CHECK, `${path}: ${shown}${more}`, remedyFor(off, nowMs));
  if (offsets.length > 1)
    return warn(
      CHECK,
      `${path} holds lines of several hosts (${shown}${more}); a knock counts for the host that logged it`,
      'set host: in the log entry or the door to accept one host alone',
    );
  return ok(CHECK, `${path}: ${shown}`);
}

/**
 * The last line was stamped when the file was written last. Where other hosts write too, the lines between say how far
 * apart their clocks are.
 *
 * @param bytes whole lines
 */
export function hostOffsets(
  bytes: Buffer,
  { writtenAt, now, timezone }: { writtenAt: Micros; now: Micros; timezone: string | null },
): readonly HostOffset[] {
  const lines = stampsIn(bytes, now, timezone);
  const last = lines.at(-1);
  if (last === undefined) return [];
  const reference = last.time - writtenAt;
  const found = new Map<string, HostOffset>();
  let near: Micros = last.time;
  for (const { host, time, hasZone } of lines.reverse()) {
    if (host === last.host) near = time;
    if (!found.has(host)) found.set(host, { host, us: time - near + reference, hasZone });
  }
  return [...found.values()];
}

function stampsIn(
  bytes: Buffer,
  now: Micros,
  timezone: string | null,
): { readonly host: string; readonly time: Micros; readonly hasZone: boolean }[] {
  const clocks = new HostClocks({ live: false, timezone });
  const stamps = [];
  for (let start = 0, end = bytes.indexOf(LF); end >= 0; start = end + 1, end = bytes.indexOf(LF, start)) {
    const header = readHeader(bytes, start, end, now);
    if (header.wall === null) continue;
    const host = hostOf(bytes, header);
    // By the syslog stamp alone: how long the kernel has been up says nothing of the wall clock.
    const { time } = clocks.place(host, { ...header, uptimeUs: null }, now);
    stamps.push({ host, time, hasZone: header.hasZone });
  }
  return stamps;
}

function tailOf(path: string): { readonly bytes: Buffer; readonly writtenAt: Micros } | null {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size, mtimeMs } = fstatSync(fd);
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(fd, bytes, 0, bytes.length, size - bytes.length);
      // The first line is cut, unless it is the first of the file.
      const start = bytes.length < size ? bytes.indexOf(LF) + 1 : 0;
      return { bytes: bytes.subarray(start), writtenAt: Math.round(mtimeMs * US_PER_MS) };
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

function describe({ host, us }: HostOffset): string {
  const name = host === '' ? 'its host' : host;
  const seconds = Math.abs(us) / US_PER_SECOND;
  if (Math.abs(us) < EXACT_US) return `the clock of ${name} agrees`;
  const far = seconds < 900 ? `${seconds.toFixed(0)} s` : `${Number((seconds / 3_600).toFixed(2))} h`;
  return `the clock of ${name} is ${far} ${us < 0 ? 'behind' : 'ahead'}`;
}

function remedyFor({ host, us, hasZone }: HostOffset, nowMs: number): string {
  const quarters = Math.round(us / QUARTER_US) * QUARTER_US;
  if (hasZone || quarters === 0 || Math.abs(us - quarters) > EXACT_US)
    return `set the clock of ${host === '' ? 'that host' : host} (timedatectl set-ntp true), or raise log.max_age`;
  const localUs = -new Date(nowMs).getTimezoneOffset() * 60 * US_PER_SECOND;
  return `set log.timezone: "${zoneOf(localUs + quarters)}", or the name of its zone`;
}
