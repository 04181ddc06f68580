/** Reads one log line: its packet, and whether a daemon would trust it. */

import { parseAddress, toPort } from '../lib/address.ts';
import type { Address, Micros, Packet } from '../model.ts';
import { BLANK, textEnd, textStart } from './bytes.ts';
import type { Moment } from './clock.ts';
import type { FastPath } from './fast-path.ts';
import type { HeaderTemplate } from './header-template.ts';
import type { Clocks, HostClocks } from './host-clocks.ts';
import { FROM_ULOGD, unwrap } from './json.ts';
import { LogBody } from './netfilter.ts';
import { type LogHeader, readHeader } from './timestamp.ts';

export interface Reading {
  readonly packet: Packet;
  readonly trusted: boolean;
  /** Why a daemon would not count the line; empty when it would. */
  readonly why: string;
}

const IN = Buffer.from('IN=');
const OPEN_BRACE = 0x7b;

/**
 * Reads the line from `lineStart` to `lineEnd`.
 *
 * @param prefix the --log-prefix that counts; null for any
 * @returns null when the line holds no body behind that prefix, whatever its bytes
 */
export function readLine(
  bytes: Buffer,
  lineStart: number,
  lineEnd: number,
  prefix: Buffer | null,
  clocks: HostClocks,
  readAt: Micros,
): Reading | null {
  const start = textStart(bytes, lineStart, lineEnd);
  const end = textEnd(bytes, start, lineEnd);
  if (bytes[start] === OPEN_BRACE && start < end)
    return readJson(bytes.toString('utf8', start, end), prefix, clocks, readAt);
  const header = readHeader(bytes, start, end, readAt);
  return readMessage(bytes, header, hostOf(bytes, header), start, end, prefix, clocks, readAt);
}

function readMessage(
  bytes: Buffer,
  header: LogHeader,
  host: string,
  start: number,
  end: number,
  prefix: Buffer | null,
  clocks: HostClocks,
  readAt: Micros,
): Reading | null {
  const body = new LogBody();
  const at =
    prefix === null
      ? anyBody(bytes, header.end, end, body)
      : bodyAfter(bytes, start, end, body, header, prefix);
  if (at < 0) return null;
  const isOurs = prefix === null || at - header.end === spelled(prefix, header).length;
  const why =
    header.doubt ?? body.oddity ?? (isOurs ? '' : 'the prefix does not stand where the message begins');
  const packet = packetFrom(bytes, header, host, at, body, why === '' ? clocks : clocks.aside, readAt);
  if (packet === null) return null;
  return { packet, trusted: why === '', why };
}

function readJson(text: string, prefix: Buffer | null, clocks: HostClocks, readAt: Micros): Reading | null {
  const inner = unwrap(text);
  if (inner === null) return null;
  if (inner.kind === 'packet') {
    const isWanted = prefix === null || inner.packet.prefix === prefix.toString();
    const stamps = { wall: inner.wall, hasZone: true, uptimeUs: null };
    const moment = clocks.aside.place(inner.packet.host, stamps, readAt);
    return isWanted ? { packet: { ...moment, ...inner.packet }, trusted: false, why: FROM_ULOGD } : null;
  }
  const { bytes } = inner;
  const end = textEnd(bytes, 0, bytes.length);
  if (inner.kind === 'message')
    return readMessage(bytes, inner.header, inner.host, 0, end, prefix, clocks, readAt);
  // Once is enough: JSON in JSON would be of the sender's making.
  const header = readHeader(bytes, 0, end, readAt);
  return readMessage(bytes, header, hostOf(bytes, header), 0, end, prefix, clocks, readAt);
}

/** The name of its host in a line, empty where it has none. */
export function hostOf(bytes: Buffer, { hostAt, hostEnd }: Pick<LogHeader, 'hostAt' | 'hostEnd'>): string {
  return hostAt === hostEnd ? '' : bytes.toString('utf8', hostAt, hostEnd);
}

/** The packet of a body that has been read; null when its addresses are none. */
export function packetFrom(
  bytes: Buffer,
  header: LogHeader,
  host: string,
  at: number,
  body: LogBody,
  clocks: Clocks,
  readAt: Micros,
): Packet | null {
  const src = addressFrom(bytes, body.srcAt, body.srcEnd);
  const dst = src === null ? null : addressFrom(bytes, body.dstAt, body.dstEnd);
  if (src === null || dst === null || src.includes(':') !== dst.includes(':')) return null;
  const { time, second, clock } = clocks.place(host, header, readAt);
  const text = (from: number, to: number): string => {
    const raw = bytes.toString('utf8', from, to);
    return header.isKmsg ? unescaped(raw) : raw;
  };
  return {
    time,
    second,
    clock,
    host,
    prefix: text(Math.min(header.end, at), at),
    in: text(body.inAt, body.inEnd),
    out: text(body.outAt, body.outEnd),
    src,
    dst,
    proto: text(body.protoAt, body.protoEnd).toLowerCase(),
    spt: toPort(body.spt),
    dpt: toPort(body.dpt),
    flags: known(body.flags),
    icmp: body.icmpType < 0 || body.icmpCode < 0 ? null : { type: body.icmpType, code: body.icmpCode },
    len: known(body.len),
    id: known(body.id),
    seq: body.isProto(bytes, 'TCP') ? known(body.seq) : null,
  };
}

/** The packet of the line that was read last on the fast path. */
export function fastPacket(
  fast: FastPath,
  common: HeaderTemplate['packet'],
  { time, second, clock }: Moment,
): Packet {
  const { isUdp } = fast;
  return {
    time,
    second,
    clock,
    host: common.host,
    prefix: common.prefix,
    in: common.in,
    out: common.out,
    src: fast.src.text,
    dst: fast.dst.text,
    proto: isUdp ? 'udp' : 'tcp',
    spt: toPort(fast.spt),
    dpt: toPort(fast.dpt),
    flags: isUdp ? null : fast.flags,
    icmp: null,
    len: fast.len,
    id: known(fast.id),
    seq: isUdp ? null : known(fast.seq),
  };
}

/** A prefix as it stands in this kind of line: kmsg writes control bytes, backslash and non-ASCII as \xNN. */
export function spelled(prefix: Buffer, { isKmsg }: Pick<LogHeader, 'isKmsg'>): Buffer {
  if (!isKmsg) return prefix;
  const text = [...prefix].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return Buffer.from(text.join(''), 'latin1');
}

/** The first `IN=` that begins a body: a prefix may itself hold one. */
function anyBody(bytes: Buffer, start: number, end: number, body: LogBody): number {
  for (let at = bytes.indexOf(IN, start); at >= 0 && at < end; at = bytes.indexOf(IN, at + 1)) {
    if (body.read(bytes, at, end)) return at;
  }
  return -1;
}

/** Where a body begins directly behind the prefix, at first where it counts, then anywhere in the line. */
function bodyAfter(
  bytes: Buffer,
  start: number,
  end: number,
  body: LogBody,
  header: LogHeader,
  prefix: Buffer,
): number {
  const sought = spelled(prefix, header);
  const due = header.end + sought.length;
  if (
    due <= end &&
    bytes.compare(sought, 0, sought.length, header.end, due) === 0 &&
    body.read(bytes, due, end)
  )
    return due;
  for (
    let at = bytes.indexOf(sought, start);
    at >= 0 && at + sought.length <= end;
    at = bytes.indexOf(sought, at + 1)
  ) {
    if (body.read(bytes, at + sought.length, end)) return at + sought.length;
    if (sought.length === 0 && at >= end) break;
  }
  return -1;
}

/** An address that is closed by a blank; of one that is cut off the rest may be missing. */
function addressFrom(bytes: Buffer, at: number, end: number): Address | null {
  return bytes[end] === BLANK ? parseAddress(bytes.toString('latin1', at, end)) : null;
}

function known(number: number): number | null {
  return number < 0 ? null : number;
}

function unescaped(text: string): string {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
