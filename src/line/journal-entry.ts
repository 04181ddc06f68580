/** One entry of the journal as JSON -> the line that a log file would have of it. */

import { z } from 'zod';
import { US_PER_MS, US_PER_SECOND } from '../model.ts';

const digits = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);
const entry = z.object({
  __CURSOR: z.string().optional(),
  __REALTIME_TIMESTAMP: digits,
  _SOURCE_MONOTONIC_TIMESTAMP: digits.optional(),
  _TRANSPORT: z.string().optional(),
  SYSLOG_FACILITY: z.string().optional(),
  // An array of bytes where the message holds control characters.
  MESSAGE: z.union([
    z.string().transform((text) => Buffer.from(text)),
    z.array(z.int().min(0).max(255)).transform((bytes) => Buffer.from(bytes)),
  ]),
});

const LF = 10;
const BLANK = 0x20;
const UPTIME_DIGITS = 12;

/**
 * A line with the tag `kernel:` when the entry is the kernel's: journald vouches for `_TRANSPORT`, and facility 0
 * shuts out what root writes to /dev/kmsg. Any other gets another tag, so that it is counted as what it is.
 *
 * @returns null when the text is no entry with a message
 */
export function lineOf(text: string): { readonly line: Buffer; readonly cursor: string | null } | null {
  const parsed = entry.safeParse(jsonOf(text));
  if (!parsed.success) return null;
  const {
    __CURSOR,
    __REALTIME_TIMESTAMP,
    _SOURCE_MONOTONIC_TIMESTAMP,
    _TRANSPORT,
    SYSLOG_FACILITY,
    MESSAGE,
  } = parsed.data;
  const tag = _TRANSPORT === 'kernel' && SYSLOG_FACILITY === '0' ? 'kernel:' : 'journal:';
  const uptime =
    _SOURCE_MONOTONIC_TIMESTAMP === undefined ? '' : `[${seconds(_SOURCE_MONOTONIC_TIMESTAMP)}] `;
  const head = Buffer.from(`${stamp(__REALTIME_TIMESTAMP)} journal ${tag} ${uptime}`);
  const message = MESSAGE.map((byte) => (byte === LF ? BLANK : byte));
  return { line: Buffer.concat([head, message, Buffer.of(LF)]), cursor: __CURSOR ?? null };
}

/** RFC 3339 with microseconds. */
function stamp(us: number): string {
  const iso = new Date(Math.floor(us / US_PER_MS)).toISOString().replace('Z', '');
  return `${iso}${String(us % US_PER_MS).padStart(3, '0')}+00:00`;
}

/** As printk writes it: `  133.315636`. */
function seconds(us: number): string {
  return (us / US_PER_SECOND).toFixed(6).padStart(UPTIME_DIGITS);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
