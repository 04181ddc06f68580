/** Changes to the stop commands that are owed <-> the lines of the file that outlives the daemon. */

import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { parseAddress } from '../address.ts';
import type { SavedStop } from './stop.ts';

/** A stop command is owed, as it says; or no more. What comes later counts. */
export type Change = { readonly owed: SavedStop } | { readonly done: string };

const source = z.string().transform((text, context) => {
  const address = parseAddress(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'not an address' });
  return z.NEVER;
});
const owed = z.object({
  // It becomes part of a file's name.
  id: z.string().regex(/^[0-9a-f]+$/),
  door: z.string(),
  source,
  command: z.string(),
  waitUs: z.number(),
  dueAt: z.number(),
  dueAtWall: z.number(),
  boot: z.string().nullable(),
  isStarting: z.boolean(),
  failures: z.int().nonnegative(),
});
const change = z.union([z.object({ owed }), z.object({ done: z.string() })]);

/** A checksum of the rest stands ahead: a line that is torn or rotten is told from a whole one. */
export function lineOf(change: Change): string {
  const text = JSON.stringify(change);
  return `${checksum(text)} ${text}\n`;
}

export interface Read {
  readonly owed: readonly SavedStop[];
  readonly lines: number;
  /** Lines that are not whole. */
  readonly damaged: number;
}

export function readLines(text: string): Read {
  const live = new Map<string, SavedStop>();
  const lines = text.split('\n').filter((line) => line !== '');
  let damaged = 0;
  for (const line of lines) {
    const change = readLine(line);
    if (change === null) damaged++;
    else if ('owed' in change) live.set(change.owed.id, change.owed);
    else live.delete(change.done);
  }
  return { owed: [...live.values()], lines: lines.length, damaged };
}

function readLine(line: string): Change | null {
  const [, sum, text = ''] = /^([0-9a-f]{8}) (.+)$/.exec(line) ?? [];
  if (sum !== checksum(text)) return null;
  // What has the right checksum is what was written, though maybe by another version.
  return change.safeParse(JSON.parse(text)).data ?? null;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
