/** The schema of knock.yaml: the one place that says what the keys are, mean and default to. */

import { z } from 'zod';
import { KERNEL_LOGS } from '../lib/kernel-logs.ts';
import { LOG_FORMATS } from '../model.ts';
import { firewall } from './firewall.ts';
import {
  address,
  command,
  doorName,
  duration,
  hosts,
  interfaceName,
  networks,
  noControls,
  path,
  port,
  sequence,
  strictMap,
  tcpflags,
  timezone,
  trap,
  wrong,
  yesOrNo,
} from './values.ts';

const DEFAULT_SWEEP_GUARD_PORTS = 8;
/** nft's limit; iptables --log-prefix takes 29. */
const MAX_PREFIX = 127;

const PREFIX_TOO_LONG = wrong('a prefix', `write at most ${MAX_PREFIX} bytes`);

const SOURCES = ['auto', 'journal', 'kmsg', 'file', 'stdin'] as const;

const DOORS_ERROR = { error: wrong('a map of doors', 'write at least one door') };

const open = strictMap({
  port: port.describe('The port that opens.'),
  proto: z
    .enum(['tcp', 'udp'], { error: wrong('a protocol', 'write tcp or udp') })
    .default('tcp')
    .describe('Its protocol.'),
  to: address
    .optional()
    .describe('The host behind this firewall that the rule is for; without it, any destination.'),
  for: duration.optional().describe('How long it stays open; without it, until a door closes it.'),
})
  .transform((open) => ({ port: open.port, proto: open.proto, to: open.to ?? null, forUs: open.for ?? null }))
  .describe('The rule that stands in the chain, for the knocking source alone, while the door is open.');

const door = strictMap({
  sequence: sequence.optional(),
  one_time_sequences: path
    .optional()
    .describe('A file of sequences, one a line, each of which opens the door once; in place of sequence.'),
  seq_timeout: duration.prefault(25).describe('From the first knock to the last.'),
  tcpflags: tcpflags.optional(),
  target: address
    .optional()
    .describe('The destination that knocks must be for; without it, any that the rules log.'),
  from: networks.optional(),
  host: hosts.optional(),
  trap: trap.optional(),
  open: open.optional(),
  close: doorName.optional().describe('The door whose opening for this source is taken away.'),
  start_command: command.optional().describe('Run by /bin/sh when the door opens; %IP% is the source.'),
  start_command_6: command.optional().describe('Run instead for a source with an IPv6 address.'),
  cmd_timeout: duration.prefault(10).describe('From the end of start_command to the start of stop_command.'),
  stop_command: command.optional().describe('Run by /bin/sh cmd_timeout after start_command.'),
  stop_command_6: command.optional().describe('Run instead for a source with an IPv6 address.'),
})
  .refine((door) => (door.sequence === undefined) !== (door.one_time_sequences === undefined), {
    path: ['sequence'],
    error: 'a sequence is missing or one too many, write either sequence or one_time_sequences',
  })
  .transform((door) => ({
    /** Null for a one-time door. */
    sequence: door.sequence ?? null,
    oneTimeSequences: door.one_time_sequences ?? null,
    seqTimeoutUs: door.seq_timeout,
    tcpflags: door.tcpflags ?? null,
    target: door.target ?? null,
    from: door.from ?? null,
    hosts: door.host ?? null,
    trap: door.trap ?? [],
    open: door.open ?? null,
    close: door.close ?? null,
    startCommand: door.start_command ?? null,
    startCommand6: door.start_command_6 ?? null,
    cmdTimeoutUs: door.cmd_timeout,
    stopCommand: door.stop_command ?? null,
    stopCommand6: door.stop_command_6 ?? null,
  }))
  .describe('A knock and what it does.');

export const prefix = noControls('a prefix', 'write the --log-prefix of your LOG rules')
  .max(MAX_PREFIX, { error: PREFIX_TOO_LONG })
  .refine((prefix) => Buffer.byteLength(prefix) <= MAX_PREFIX, { error: PREFIX_TOO_LONG });

const logKeys = strictMap({
  from: z
    .enum(SOURCES, { error: wrong('a source of log lines', `write one of ${SOURCES.join(', ')}`) })
    .optional()
    .describe('Where the kernel log is read; file where there is a path, else auto.'),
  path: path.optional().describe('The log file, /var/log/kern.log where from: file names none.'),
  prefix: prefix.default('KNOCK ').describe('The --log-prefix of your LOG rules, blanks included.'),
  format: z
    .enum(LOG_FORMATS, { error: wrong('a format', 'write kernel, ulogd or any') })
    .default('kernel')
    .describe(
      'Who writes the log. kernel: the kernel among others, and only lines with its tag are accepted. ulogd: ulogd2 ' +
        '(LOGEMU, JSON) and nothing else. any: only the firewall, through any logger or shipper; whatever comes before ' +
        'the prefix is ignored and every line with the prefix is accepted, so anyone who can write there opens doors.',
    ),
  max_age: duration.prefault(10).describe('A knock that is older when it is read opens nothing.'),
  host: hosts.optional(),
  timezone: timezone.optional(),
}).meta({ id: 'log' });

const log = logKeys.transform(({ from, path, max_age, host, timezone, ...rest }) => ({
  ...rest,
  from: from ?? (path === undefined ? 'auto' : 'file'),
  path: path ?? KERNEL_LOGS[0],
  maxAgeUs: max_age,
  /** Null for those of every host. */
  hosts: host ?? null,
  /** Null for that of this process, or as learned from live lines. */
  timezone: timezone ?? null,
}));
export type LogConfig = z.output<typeof log>;

const logs = z
  .union([log, z.tuple([log], log)], { error: wrong('a log', 'write a map, or a list of maps') })
  .transform((logs) => (Array.isArray(logs) ? logs : ([logs] satisfies [LogConfig])))
  .superRefine((logs, context) => {
    const placeOf = ({ from, path }: LogConfig): string => (from === 'file' ? path : from);
    const seen = new Set<string>();
    for (const [index, log] of logs.entries()) {
      if (!seen.has(placeOf(log))) {
        seen.add(placeOf(log));
        continue;
      }
      const message = `read already (${placeOf(log)}), write each log once`;
      context.addIssue({ code: 'custom', path: [index], message });
    }
  });

const settings = {
  log: logs
    .prefault({})
    .describe(
      'Where lines come from, and which count: one log, or a list of logs that are read side by side.',
    ),
  firewall: firewall.prefault({}).describe('Where openings become rules.'),
  interface: interfaceName
    .optional()
    .describe(
      'Only packets that came in here count (IN=); any, as without it, for those of every interface.',
    ),
  ipv6: yesOrNo.default(true).describe('Whether packets over IPv6 count.'),
  state: path
    .default('/var/lib/knocktail')
    .describe(
      'The folder of what must survive a restart: how far the log was read, stop commands that wait.',
    ),
  logfile: path.optional().describe('The file to which the daemon writes what it does.'),
  usesyslog: yesOrNo.default(false).describe('Whether the daemon tells syslog what it does.'),
  log_format: z
    .enum(['text', 'json'], { error: wrong('a format', 'write text or json') })
    .default('text')
    .describe('json: what the daemon tells stdout, stderr and the log file is one JSON object a line.'),
  near_misses: yesOrNo
    .optional()
    .describe(
      'Whether who came near, touched a trap, swept ports or never finishes is told in a line of its own; ' +
        'the default is true, and false under compat: knockd.',
    ),
  metrics: path
    .optional()
    .describe(
      "A file of metrics for the textfile collector of Prometheus's node exporter, which takes names in .prom.",
    ),
  pidfile: path.optional().describe('Where the process id is, while the daemon is in the background (-d).'),
  compat: z
    .enum(['none', 'knockd'], { error: wrong('a compatibility', 'write none or knockd') })
    .default('none')
    .describe('knockd: match sequences as knockd 0.8 does, to the packet.'),
  sweep_guard: z
    .int({ error: wrong('a number of ports', 'write a whole number, 0 for off') })
    .min(0, { error: wrong('a number of ports', 'write a whole number, 0 for off') })
    .max(1_000, { error: wrong('a number of ports', 'write at most 1000') })
    .optional()
    .describe(
      `A source (an IPv4 address, an IPv6 /64) that touches more ports of no door than this within ten seconds, or a longer ` +
        `seq_timeout, or sends more packets to them than the firewall logs, is ignored; 0 is off, the default is ${DEFAULT_SWEEP_GUARD_PORTS}, and 0 under compat: knockd.`,
    ),
};

/** The whole of knock.yaml. Its input is what the JSON Schema describes, its output is `Config`. */
export const schema = strictMap({
  ...settings,
  doors: z
    .record(doorName, door, DOORS_ERROR)
    .refine((doors) => Object.keys(doors).length > 0, DOORS_ERROR)
    .describe('The doors, by name.')
    .transform((doors): ReadonlyMap<string, DoorConfig> => new Map(Object.entries(doors))),
})
  .transform(({ doors, ...rest }) => ({ ...settle(rest), doors }))
  .describe('knocktail: doors that open when the right ports are knocked on.');

/** All but the doors, for a configuration in another form: what is given, and the defaults. */
export function settingsFrom(given: z.input<typeof settingsSchema>): Settings {
  return settle(settingsSchema.parse(given));
}

const settingsSchema = strictMap(settings);
type Settings = ReturnType<typeof settle>;

function settle({
  log: logs,
  sweep_guard,
  interface: name,
  logfile,
  log_format: logFormat,
  metrics,
  near_misses,
  pidfile,
  ...rest
}: z.output<typeof settingsSchema>) {
  return {
    ...rest,
    logs,
    interface: name ?? null,
    logfile: logfile ?? null,
    logFormat,
    nearMisses: near_misses ?? rest.compat === 'none',
    metrics: metrics ?? null,
    pidfile: pidfile ?? null,
    sweepGuard: sweep_guard ?? (rest.compat === 'knockd' ? 0 : DEFAULT_SWEEP_GUARD_PORTS),
  };
}

export type Config = z.output<typeof schema>;
export type DoorConfig = z.output<typeof door>;

/** What a log is called. */
export function nameOf({ from, path }: LogConfig): string {
  return from === 'file' ? path : from;
}
