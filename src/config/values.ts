/** Schemas of the values in knock.yaml: durations, ports, sequences, flags, names. */

import { Cron } from 'croner';
import { z } from 'zod';
import { parseAddress, toPort } from '../lib/address.ts';
import { NETWORK_PATTERN, parseNetwork } from '../lib/networks.ts';
import { parseTimeZone } from '../lib/time-zone.ts';
import { type FlagRule, TCP_FLAGS } from '../model.ts';
import { DURATION_PATTERN, parseDuration } from './duration.ts';
import { parseStep, STEP_PATTERN } from './sequence.ts';
import { show } from './show.ts';
import { keyAdvice } from './similar.ts';

/** knockd's limit, and that of the engine. */
export const MAX_STEPS = 32;
/** XT_EXTENSION_MAXNAMELEN of the kernel less its terminator. */
export const MAX_CHAIN_NAME = 28;
/** Bytes that --log-prefix and --nflog-prefix hold, by the format of a log: xt_log_info, xt_nflog_info of the kernel. */
export const MAX_IPTABLES_PREFIX = { kernel: 29, any: 29, ulogd: 63 } as const;
/** IFNAMSIZ of the kernel less its terminator. */
const MAX_INTERFACE_BYTES = 15;

const FLAG_NAMES = Object.keys(TCP_FLAGS).map((name) => name.toLowerCase());

/** What zod says of a wrong value: what is wrong, the value, what would be right. */
export const wrong =
  (what: string, right: string) =>
  (issue: { readonly input?: unknown }): string =>
    issue.input === undefined
      ? `${what} is missing, ${right}`
      : `not ${what} (${show(issue.input)}), ${right}`;

const DURATION_ERROR = { error: wrong('a duration', 'write a number of seconds, or 500ms, 30s, 5m, 2h, 1d') };
export const duration = z
  .union(
    [z.number().nonnegative(DURATION_ERROR), z.string().regex(DURATION_PATTERN, DURATION_ERROR)],
    DURATION_ERROR,
  )
  .transform(
    (text, context) =>
      parseDuration(text) ??
      refuse(context, wrong('a duration of at most ten years', 'write it shorter')({ input: text })),
  );

const PORT_ERROR = { error: wrong('a port', 'write a number from 1 to 65535') };
export const port = z
  .int(PORT_ERROR)
  .min(1, PORT_ERROR)
  .max(65_535, PORT_ERROR)
  .transform((number, context) => toPort(number) ?? refuse(context, 'not a port'));

const STEP_RIGHT = 'write a port from 1 to 65535, with :udp for UDP, or icmp or icmp:SIZE';
const SEQUENCE_RIGHT = `write a list of 1 to ${MAX_STEPS} steps like [4438, 1813:udp, 8235]`;
const STEPS_SCHEMA = [
  {
    type: 'array',
    minItems: 1,
    maxItems: MAX_STEPS,
    items: {
      anyOf: [
        { type: 'integer', minimum: 1, maximum: 65_535 },
        { type: 'string', pattern: STEP_PATTERN.source },
      ],
    },
  },
  { type: 'string' },
  { type: 'integer', minimum: 1, maximum: 65_535 },
];
const steps = z.unknown().transform((value, context) => {
  const steps = toList(value);
  if (steps === null || steps.length === 0) {
    return refuse(context, wrong('a sequence', SEQUENCE_RIGHT)({ input: value }));
  }
  if (steps.length > MAX_STEPS) return refuse(context, `too many steps (${steps.length}), ${SEQUENCE_RIGHT}`);
  return parseEach(steps, context, parseStep, wrong('a step', STEP_RIGHT));
});
export const sequence = steps.meta({
  description:
    'The knock: ports in order, :udp for UDP; icmp or icmp:SIZE is a ping, of that payload size. ' +
    'The spelling of knockd, "7000,8000:udp", will do.',
  anyOf: STEPS_SCHEMA,
});
export const trap = steps.meta({
  description: "Ports whose touch discards the attempts of a source and takes this door's opening away.",
  anyOf: STEPS_SCHEMA,
});

const FLAGS_RIGHT = `write flags out of ${FLAG_NAMES.join(', ')}, with ! for a flag that must be clear`;
export const tcpflags = z
  .unknown()
  .transform((value, context) => {
    const names = toList(value);
    if (names === null) return refuse(context, wrong('a list of TCP flags', FLAGS_RIGHT)({ input: value }));
    return toFlagRule(parseEach(names, context, parseFlag, wrong('a TCP flag', FLAGS_RIGHT)));
  })
  .meta({
    description:
      'TCP packets without these flags, or with one that has a ! here, are invisible to this door.',
    anyOf: [
      { type: 'array', items: { type: 'string', enum: FLAG_NAMES.flatMap((name) => [name, `!${name}`]) } },
      { type: 'string' },
    ],
  });

const ADDRESS_RIGHT = 'write an IPv4 or IPv6 address';
export const address = z
  .string({ error: wrong('an address', ADDRESS_RIGHT) })
  .transform(
    (text, context) =>
      parseAddress(text) ?? refuse(context, wrong('an address', ADDRESS_RIGHT)({ input: text })),
  );

const NETWORK_RIGHT = 'write an address or a network like 192.0.2.0/24';
export const networks = z
  .unknown()
  .transform((value, context) => {
    const list = toList(value);
    if (list === null || list.length === 0)
      return refuse(context, wrong('a list of networks', NETWORK_RIGHT)({ input: value }));
    return parseEach(list, context, parseNetwork, wrong('a network', NETWORK_RIGHT));
  })
  .meta({
    description: 'Who may knock: addresses and networks. Others are invisible to this door.',
    anyOf: [
      { type: 'array', minItems: 1, items: { type: 'string', pattern: NETWORK_PATTERN.source } },
      { type: 'string' },
    ],
  });

const HOST_RIGHT = 'write the name of a host as its log lines have it, or a list of names';
/** As a log line can have it: one word. */
const HOST_NAME = /^[^\s\u0000-\u001f\u007f-\u009f]{1,255}$/;
export const hosts = z
  .unknown()
  .transform((value, context) => {
    const list = toList(value);
    if (list === null || list.length === 0)
      return refuse(context, wrong('a host', HOST_RIGHT)({ input: value }));
    const parse = (text: string): string | null => (HOST_NAME.test(text.trim()) ? text.trim() : null);
    return parseEach(list, context, parse, wrong('a host', HOST_RIGHT));
  })
  .meta({
    description:
      'The hosts whose log lines count, as the lines name them. Lines that name no host count, too.',
    anyOf: [{ type: 'array', minItems: 1, items: { type: 'string' } }, { type: 'string' }],
  });

const ZONE_RIGHT = 'write local, utc, an offset like +05:45, or a name like Europe/Berlin';
export const timezone = z
  .string({ error: wrong('a time zone', ZONE_RIGHT) })
  .refine((text) => parseTimeZone(text) !== null, { error: wrong('a time zone', ZONE_RIGHT) })
  .describe(
    'The time zone of stamps that name none: local, utc, +05:45 or Europe/Berlin. Without it, that of the daemon, ' +
      'or one learned from lines that come live.',
  );

/** No path, name or prefix has them, nor could all of them be an argument of a program: NUL ends it. */
const NO_CONTROLS = /^[^\u0000-\u001f\u007f-\u009f]*$/;
/** Of a text in one line. */
export const noControls = (what: string, right: string) =>
  z.string({ error: wrong(what, right) }).regex(NO_CONTROLS, {
    abort: true,
    error: wrong(`${what} without control characters`, right),
  });

const PATH_RIGHT = 'write the path of a file';
/** PATH_MAX of the kernel less its terminator. */
const MAX_PATH_BYTES = 4_095;
export const path = noControls('a path', PATH_RIGHT)
  .min(1, { error: wrong('a path', PATH_RIGHT) })
  .refine((path) => Buffer.byteLength(path) <= MAX_PATH_BYTES, {
    error: wrong(`a path of at most ${MAX_PATH_BYTES} bytes`, 'write a shorter one'),
  });

export const yesOrNo = z.boolean({ error: wrong('a yes or no', 'write true or false') });

/** Half of what one argument may hold (MAX_ARG_STRLEN of the kernel), which leaves room for what %IP% becomes. */
const MAX_COMMAND_BYTES = 65_536;
export const command = z
  .string({ error: wrong('a command', 'write a line for /bin/sh') })
  .regex(/^[^\0]*$/, {
    error: wrong('a command without NUL', 'write a line for /bin/sh'),
  })
  .refine((command) => Buffer.byteLength(command) <= MAX_COMMAND_BYTES, {
    error: wrong(`a command of at most ${MAX_COMMAND_BYTES} bytes`, 'put it into a script'),
  });
const CRON_RIGHT = 'write minute, hour, day, month and weekday, like "0 3 * * *"';
export const cron = z
  .string({ error: wrong('a cron expression', CRON_RIGHT) })
  .transform((text, context) =>
    comes(text)
      ? text
      : refuse(context, wrong('a cron expression that ever comes', CRON_RIGHT)({ input: text })),
  );

const NAME_RIGHT = 'begin with a letter or digit, and use letters, digits, _ . and -, at most 64';
export const DOOR_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const NAME_ERROR = wrong('a door name', NAME_RIGHT);
export const doorName = z.string().regex(DOOR_NAME, { error: NAME_ERROR });
export const wrongDoorName = (name: string): string => NAME_ERROR({ input: name });

export const chainName = z
  .string({ error: wrong('a chain', 'write the name of a chain') })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, { error: wrong('a chain', 'use letters, digits, _ . and -') })
  .max(MAX_CHAIN_NAME, { error: wrong('a chain', `use at most ${MAX_CHAIN_NAME} characters`) });

const INTERFACE_RIGHT = 'write the whole name of one, like eth0, or any';
/**
 * A name that a kernel takes (dev_valid_name in net/core/dev.c), but for what iptables and nft take for more than that
 * name. Null for any, as pcap has it.
 */
export const interfaceName = z
  .string({ error: wrong('an interface', INTERFACE_RIGHT) })
  .regex(/^(?!\.{1,2}$)[^\s/:"+*\u0000-\u001f\u007f-\u009f]{1,15}$/, {
    abort: true,
    error: wrong('an interface', INTERFACE_RIGHT),
  })
  .refine((name) => Buffer.byteLength(name) <= MAX_INTERFACE_BYTES, {
    error: wrong('an interface', INTERFACE_RIGHT),
  })
  .transform((name) => (name === 'any' ? null : name));

/** A map with these keys and no others. The message for wrong keys has one line for each, in their order. */
export function strictMap<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => keyAdvice(key, keys)).join('\n')
        : wrong('a map', `${mapHint(issue.input)}write keys out of ${keys.join(', ')}`)(issue),
  });
}

/** Of `key=value` and `key:value`, which YAML takes for text. */
function mapHint(input: unknown): string {
  if (typeof input !== 'string') return '';
  if (/^[\w-]+\s*=/.test(input)) return 'write "key: value", with a colon and a space instead of =: ';
  return /^[\w-]+:\S/.test(input) ? 'put a space after each colon: ' : '';
}

/** A list, or knockd's spelling of one: "7000,8000:udp", "syn,!ack", 7000. */
function toList(value: unknown): unknown[] | null {
  if (typeof value === 'string') return value.split(',');
  if (typeof value === 'number') return [value];
  return Array.isArray(value) ? value : null;
}

/** Reads every item, with a complaint of its own, at its own place, for each that is wrong. */
function parseEach<T>(
  items: readonly unknown[],
  context: z.RefinementCtx,
  parse: (text: string) => T | null,
  complain: (issue: { readonly input?: unknown }) => string,
): T[] {
  return items.flatMap((item, index) => {
    const parsed = typeof item === 'string' || typeof item === 'number' ? parse(String(item)) : null;
    if (parsed === null)
      context.addIssue({ code: 'custom', message: complain({ input: item }), path: [index] });
    return parsed === null ? [] : [parsed];
  });
}

function parseFlag(text: string): FlagRule | null {
  const [, not, name] = /^\s*(!?)(\w+)\s*$/.exec(text) ?? [];
  const bit = Object.entries(TCP_FLAGS).find(([flag]) => flag === name?.toUpperCase())?.[1];
  if (bit === undefined) return null;
  return not === '!' ? { set: 0, clear: bit } : { set: bit, clear: 0 };
}

function toFlagRule(flags: readonly FlagRule[]): FlagRule | null {
  if (flags.length === 0) return null;
  return flags.reduce((sum, flag) => ({ set: sum.set | flag.set, clear: sum.clear | flag.clear }));
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

/** The thirtieth of February is well formed, too. */
function comes(expression: string): boolean {
  try {
    return new Cron(expression, { paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
}
