/** Reads what log shippers say in JSON: the message, and where and when it was made. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import { readStamp } from './stamp.ts';

export interface Shipped {
  /** What may be the message, the likeliest first. */
  readonly messages: readonly Buffer[];
  readonly time: ShippedTime | null;
  /** The kernel's own stamp: microseconds since boot. */
  readonly uptimeUs: number | null;
  /** Empty where none is named. */
  readonly host: string;
}

const MESSAGES = ['message', 'MESSAGE', 'log', 'msg', '_raw', 'short_message', 'full_message', 'event'];
const TIMES = [
  'time',
  'timestamp',
  '@timestamp',
  'ts',
  'date',
  '_SOURCE_REALTIME_TIMESTAMP',
  '__REALTIME_TIMESTAMP',
  '_time',
  'timereported',
];
const HOSTS = ['host', 'hostname', '_HOSTNAME', 'host.name', 'host.hostname', 'HOSTNAME'];
const UPTIME = '_SOURCE_MONOTONIC_TIMESTAMP';
/** Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970: of a time after 2001, these tell. */
const UNITS_PER_SECOND = [1, 1e3, 1e6, 1e9];
const [FIRST_SECOND, LAST_SECOND] = [1e9, 1e10];

export interface ShippedTime {
  readonly wall: Micros;
  readonly wholeSecond: boolean;
  readonly hasZone: boolean;
}

/** Null when the text is no JSON object that holds a message. */
export function readShipped(text: string, reference: Micros): Shipped | null {
  const fields = objectIn(text);
  if (fields === null) return null;
  const messages = MESSAGES.flatMap((key) => messageIn(fields[key]));
  if (messages.length === 0) return null;
  const times = TIMES.map((key) => timeIn(fields[key], reference));
  const hosts = HOSTS.map((key) => nameIn(fields[key]));
  const uptime = Number(fields[UPTIME] ?? Number.NaN);
  return {
    messages,
    time: times.find((time) => time !== null) ?? null,
    uptimeUs: Number.isSafeInteger(uptime) && uptime >= 0 ? uptime : null,
    host: hosts.find((host) => host !== '') ?? '',
  };
}

type Fields = Readonly<Record<string, unknown>>;

function objectIn(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** journald writes a message that holds control characters as an array of bytes. */
function messageIn(value: unknown): Buffer[] {
  if (typeof value === 'string') return [Buffer.from(value)];
  const isBytes =
    Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  if (isBytes) return [Buffer.from(value)];
  if (!isObject(value)) return [];
  // Elastic has the line as it came in event.original.
  const { original } = value;
  return typeof original === 'string' ? [Buffer.from(original)] : [];
}

function nameIn(value: unknown): string {
  if (typeof value === 'string') return /^[^\s\p{C}]+$/u.test(value) ? value : '';
  if (!isObject(value)) return '';
  const { name, hostname } = value;
  return nameIn(name ?? hostname);
}

function timeIn(value: unknown, reference: Micros): ShippedTime | null {
  if (typeof value === 'number') return numericTime(value);
  if (typeof value !== 'string') return null;
  const bytes = Buffer.from(value.trim());
  const stamp = readStamp(bytes, 0, bytes.length, reference);
  if (stamp !== null && stamp.end === bytes.length)
    return { wall: stamp.time, wholeSecond: stamp.wholeSecond, hasZone: stamp.hasZone };
  return /^\d+(?:\.\d+)?$/.test(value) ? numericTime(Number(value)) : null;
}

function numericTime(value: number): ShippedTime | null {
  const unit = UNITS_PER_SECOND.find((each) => value / each >= FIRST_SECOND && value / each < LAST_SECOND);
  if (unit === undefined) return null;
  const wall = Math.round(value * (US_PER_SECOND / unit));
  return { wall, wholeSecond: unit === 1 && Number.isInteger(value), hasZone: true };
}
