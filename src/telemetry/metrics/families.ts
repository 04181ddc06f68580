/** Builds the daemon's metrics from its counters. Labels are logs, doors and fixed words, never addresses. */

import { type Micros, US_PER_SECOND } from '../../model.ts';
import type { Asked, Counts, LogCounts } from '../counts.ts';
import type { Family, Sample } from './exposition.ts';

export interface Run {
  readonly version: string;
  readonly startedAt: Micros;
}

export function familiesOf(counts: Counts, { version, startedAt }: Run): readonly Family[] {
  return [
    gauge('build_info', 'The version that runs; always 1.', [{ labels: { version }, value: 1 }]),
    gauge('start_time_seconds', 'When the daemon started, since the Unix epoch.', [
      plain(startedAt / US_PER_SECOND),
    ]),
    ...ofLogs(counts.logs),
    gauge('attempts', 'Attempts in flight.', [plain(counts.attempts)]),
    counter('attempts_evicted_total', 'Attempts given up since the table of attempts was full.', [
      plain(counts.evicted),
    ]),
    counter(
      'decisions_total',
      'What knocks came to.',
      [...counts.decisions].flatMap(([door, events]) =>
        Object.entries(events).map(([event, value]) => ({ labels: { door, event }, value })),
      ),
    ),
    counter(
      'near_misses_total',
      'Sources that came near, touched a trap, swept or never finished.',
      Object.entries(counts.nearMisses).map(([kind, value]) => ({ labels: { kind }, value })),
    ),
    gauge(
      'openings',
      'Sources that a door is open for by a rule of the daemon.',
      [...counts.openings].map(([door, value]) => ({ labels: { door }, value })),
    ),
    ...ofFirewall(counts),
    ...ofCommands(counts),
  ];
}

function ofLogs(logs: readonly LogCounts[]): readonly Family[] {
  const each = (value: (of: LogCounts) => number | null, labels: Sample['labels'] = {}): Sample[] =>
    logs.flatMap((of) => {
      const found = value(of);
      return found === null ? [] : [{ labels: { log: of.log, ...labels }, value: found }];
    });
  return [
    counter(
      'packets_total',
      "Lines with the prefix that are the kernel's.",
      each(({ trusted }) => trusted),
    ),
    counter(
      'untrusted_lines_total',
      "Lines with the prefix that are not the kernel's, and did not count.",
      each(({ untrusted }) => untrusted),
    ),
    counter('lost_lines_total', 'Lines that were never seen, as far as that is known.', [
      ...each(({ overwritten }) => overwritten, { reason: 'overwritten' }),
      ...each(({ suppressed }) => suppressed, { reason: 'suppressed' }),
    ]),
    gauge(
      'last_line_timestamp_seconds',
      'When lines were read last, of anybody.',
      each(({ readAt }) => seconds(readAt)),
    ),
    gauge(
      'last_packet_timestamp_seconds',
      'The time of the last packet that counted.',
      each(({ packetAt }) => seconds(packetAt)),
    ),
  ];
}

function ofFirewall({ firewall }: Counts): readonly Family[] {
  const each = (value: (asked: Asked) => number): Sample[] =>
    Object.entries(firewall).map(([operation, asked]) => ({ labels: { operation }, value: value(asked) }));
  return [
    counter(
      'firewall_operations_total',
      'What the firewall was asked for and did.',
      each(({ done }) => done),
    ),
    counter(
      'firewall_failures_total',
      'What the firewall was asked for and did not do.',
      each(({ failed }) => failed),
    ),
  ];
}

function ofCommands({ commands: { ran, failed, running, pending } }: Counts): readonly Family[] {
  return [
    counter('commands_total', 'Start and stop commands that have ended.', [plain(ran)]),
    counter('command_failures_total', 'Start and stop commands that have failed.', [plain(failed)]),
    gauge('commands_running', 'Commands that run now.', [plain(running)]),
    gauge('stop_commands_pending', 'Stop commands that wait for their time.', [plain(pending)]),
  ];
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `knocktail_${name}`, type: 'counter', help, samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `knocktail_${name}`, type: 'gauge', help, samples };
}

function plain(value: number): Sample {
  return { labels: {}, value };
}

function seconds(at: Micros | null): number | null {
  return at === null ? null : at / US_PER_SECOND;
}
