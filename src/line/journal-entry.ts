/** One entry of the journal as JSON -> the line that a log file would have of it. */

import { z } from 'zod';
import { type Place, US_PER_MS, US_PER_SECOND } from '../model.ts';

export type JournalPlace = Extract<Place, { readonly kind: 'journal' }>;

const digits = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);
const entry = z.object({
  __CURSOR: z.string(),
  _BOOT_ID: z.string(),
  __REALTIME_TIMESTAMP: digits,
  __MONOTONIC_TIMESTAMP: digits,
  _SOURCE_MONOTONIC_TIMESTAMP: digits.optional(),
  _TRANSPORT: z.string().optional(),
  SYSLOG_FACILITY: z.string().optional(),
  _HOSTNAME: z.string().optional().catch(undefined),
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
export function lineOf(text: string): { readonly line: Buffer; readonly place: JournalPlace } | null {
  const parsed = entry.safeParse(jsonOf(text));
  if (!parsed.success) return null;
  const { data } = parsed;
  const tag = data._TRANSPORT === 'kernel' && data.SYSLOG_FACILITY === '0' ? 'kernel:' : 'journal:';
  const source = data._SOURCE_MONOTONIC_TIMESTAMP;
  const uptime = source === undefined ? '' : `[${seconds(source)}] `;
  // One printable word, as in a log file; a line may name no host.
  const host = data._HOSTNAME?.replaceAll(/[^!-~]/g, '?') ?? '';
  const named = host === '' ? '' : `${host} `;
  const head = Buffer.from(`${stamp(data.__REALTIME_TIMESTAMP)} ${named}${tag} ${uptime}`);
  const message = data.MESSAGE.map((byte) => (byte === LF ? BLANK : byte));
  return {
    line: Buffer.concat([head, message, Buffer.of(LF)]),
    place: {
      kind: 'journal',
      cursor: data.__CURSOR,
      boot: data._BOOT_ID,
      monotonicUs: data.__MONOTONIC_TIMESTAMP,
    },
  };
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
