/** Unwraps lines of JSON as Docker, journald and ulogd2 write them. */

import { z } from 'zod';
import { parseAddress, toPort } from '../lib/address.ts';
import { type Micros, type Packet, TCP_FLAGS, US_PER_SECOND } from '../model.ts';
import type { LogHeader } from './timestamp.ts';

export type Unwrapped =
  /** A line in any other spelling. */
  | { readonly kind: 'line'; readonly bytes: Buffer }
  /** What the kernel said, without a header of its own; `host` is empty where the entry names none. */
  | { readonly kind: 'message'; readonly bytes: Buffer; readonly header: LogHeader; readonly host: string }
  | {
      readonly kind: 'packet';
      readonly packet: Omit<Packet, 'time' | 'second' | 'clock'>;
      readonly wall: Micros;
    };

/** ulogd2 is a program like any other: whoever may write to its stream may write such a line. */
export const FROM_ULOGD = 'ulogd wrote it, not the kernel';

const docker = z.object({ log: z.string() });
const digits = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);
const journal = z.object({
  _TRANSPORT: z.string().optional(),
  SYSLOG_FACILITY: z.string().optional(),
  // An array of bytes where the message holds control characters.
  MESSAGE: z.union([
    z.string().transform((text) => Buffer.from(text)),
    z.array(z.int().min(0).max(255)).transform((bytes) => Buffer.from(bytes)),
  ]),
  __REALTIME_TIMESTAMP: digits.optional(),
  _SOURCE_MONOTONIC_TIMESTAMP: digits.optional(),
  _HOSTNAME: z.string().catch(''),
});
const address = z.string().transform((text, context) => parseAddress(text) ?? refuse(context));
const port = z.number().transform((number, context) => toPort(number) ?? refuse(context));
const bit = z.union([z.literal(0), z.literal(1)]).default(0);
const natural = z.int().nonnegative();
const ulogd = z.object({
  'oob.prefix': z.string().default(''),
  'oob.time.sec': natural.max(9_000_000_000),
  'oob.time.usec': natural.max(US_PER_SECOND - 1).default(0),
  'oob.in': z.string().default(''),
  'oob.out': z.string().default(''),
  'ip.protocol': natural.optional(),
  'ip6.nexthdr': natural.optional(),
  'ip.totlen': natural.optional(),
  'ip.id': natural.optional(),
  src_ip: address,
  dest_ip: address,
  src_port: port.optional(),
  dest_port: port.optional(),
  'icmp.type': natural.optional(),
  'icmp.code': natural.optional(),
  'icmpv6.type': natural.optional(),
  'icmpv6.code': natural.optional(),
  'tcp.seq': natural.optional(),
  'tcp.urg': bit,
  'tcp.ack': bit,
  'tcp.psh': bit,
  'tcp.rst': bit,
  'tcp.syn': bit,
  'tcp.fin': bit,
});

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  136: 'udplite',
};

/** Null when the text is no JSON of a kind that holds a log line. */
export function unwrap(text: string): Unwrapped | null {
  const data = parsed(text);
  const entry = journal.safeParse(data);
  if (entry.success) return fromJournal(entry.data);
  const line = docker.safeParse(data);
  if (line.success) return { kind: 'line', bytes: Buffer.from(line.data.log) };
  const packet = ulogd.safeParse(data);
  return packet.success ? fromUlogd(packet.data) : null;
}

/** journald vouches for `_TRANSPORT`; facility 0 shuts out what root writes to /dev/kmsg. */
function fromJournal(entry: z.output<typeof journal>): Unwrapped {
  const isKernel = entry._TRANSPORT === 'kernel' && entry.SYSLOG_FACILITY === '0';
  const header: LogHeader = {
    wall: entry.__REALTIME_TIMESTAMP ?? null,
    wholeSecond: false,
    hasZone: true,
    hostAt: 0,
    hostEnd: 0,
    uptimeUs: entry._SOURCE_MONOTONIC_TIMESTAMP ?? null,
    doubt: isKernel ? null : 'journald did not have it from the kernel',
    isKmsg: false,
    end: 0,
  };
  return { kind: 'message', bytes: entry.MESSAGE, header, host: entry._HOSTNAME };
}

function fromUlogd(fields: z.output<typeof ulogd>): Unwrapped {
  const number = fields['ip.protocol'] ?? fields['ip6.nexthdr'];
  const proto = number === undefined ? '' : (PROTOCOLS[number] ?? String(number));
  const type = fields['icmp.type'] ?? fields['icmpv6.type'];
  const code = fields['icmp.code'] ?? fields['icmpv6.code'];
  const flags = (['urg', 'ack', 'psh', 'rst', 'syn', 'fin'] as const).reduce(
    (sum, name) => sum + fields[`tcp.${name}`] * TCP_FLAGS[flagOf(name)],
    0,
  );
  return {
    kind: 'packet',
    wall: fields['oob.time.sec'] * US_PER_SECOND + fields['oob.time.usec'],
    packet: {
      host: '',
      prefix: fields['oob.prefix'],
      in: fields['oob.in'],
      out: fields['oob.out'],
      src: fields.src_ip,
      dst: fields.dest_ip,
      proto,
      spt: fields.src_port ?? null,
      dpt: fields.dest_port ?? null,
      flags: proto === 'tcp' ? flags : null,
      icmp: type === undefined || code === undefined ? null : { type, code },
      len: fields['ip.totlen'] ?? null,
      id: fields['ip.id'] ?? null,
      seq: fields['tcp.seq'] ?? null,
    },
  };
}

function flagOf<Name extends string>(name: Name): Uppercase<Name> {
  return name.toUpperCase() as Uppercase<Name>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refuse(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom', message: 'out of range' });
  return z.NEVER;
}
