/** Parses lines of ulogd2, which receives packets through nflog instead of the kernel log. */

import type { Micros, Packet } from '../model.ts';
import { BLANK, standsAt, textEnd, textStart, wordEnd } from './bytes.ts';
import type { HostClocks } from './host-clocks.ts';
import { FROM_ULOGD } from './json.ts';
import { hostOf, packetFrom, readLine } from './line.ts';
import { LogBody } from './netfilter.ts';
import { readHeader } from './timestamp.ts';

const OPEN_BRACE = 0x7b;

/**
 * Reads what the plugins LOGEMU and JSON of ulogd2 write. Nothing in such a line says that it is ulogd's: to be used
 * for a stream alone of which its owner says that it holds nothing else.
 *
 * @param prefix null for any
 * @returns null when the line is none of theirs, or has another prefix
 */
export function readUlogdLine(
  bytes: Buffer,
  lineStart: number,
  lineEnd: number,
  prefix: string | null,
  clocks: HostClocks,
  readAt: Micros,
): Packet | null {
  const start = textStart(bytes, lineStart, lineEnd);
  const end = textEnd(bytes, start, lineEnd);
  if (bytes[start] === OPEN_BRACE && start < end) {
    const reading = readLine(bytes, start, end, prefix === null ? null : Buffer.from(prefix), clocks, readAt);
    return reading?.why === FROM_ULOGD ? reading.packet : null;
  }
  // `Nov 21 00:14:10 vm PREFIX IN=...`: a blank of its own stands behind the prefix.
  const header = readHeader(bytes, start, end, readAt);
  if (header.wall === null) return null;
  const message = wordEnd(bytes, header.end, end) + 1;
  const body = new LogBody();
  const at = prefix === null ? anyBody(bytes, message, end) : message + Buffer.byteLength(prefix) + 1;
  const isDue = prefix === null || standsAt(bytes, prefix, message, end);
  const isWhole = at > message && isDue && bytes[at - 1] === BLANK && body.read(bytes, at, end);
  return isWhole && body.oddity === null
    ? packetFrom(
        bytes,
        { ...header, end: message, doubt: null },
        hostOf(bytes, header),
        at,
        body,
        clocks,
        readAt,
      )
    : null;
}

function anyBody(bytes: Buffer, start: number, end: number): number {
  const at = bytes.indexOf(' IN=', start);
  return at < 0 || at >= end ? -1 : at + 1;
}
