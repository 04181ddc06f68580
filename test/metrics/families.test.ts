/** The metrics of counts. */

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Counts } from '../../src/counts.ts';
import { expose } from '../../src/metrics/exposition.ts';
import { familiesOf } from '../../src/metrics/families.ts';
import { describeWith } from '../lab/describe.ts';
import { parseMetrics } from './parse.ts';

const COUNTS: Counts = {
  logs: [
    {
      log: '/var/log/kern.log',
      ...{ trusted: 20, untrusted: 3, overwritten: 5, suppressed: 7 },
      ...{ readAt: 1_795_219_200_500_000, packetAt: 1_795_219_199_000_000 },
    },
    {
      log: 'kmsg',
      ...{ trusted: 0, untrusted: 0, overwritten: 0, suppressed: 0 },
      ...{ readAt: null, packetAt: null },
    },
  ],
  attempts: 2,
  evicted: 1,
  decisions: new Map([['ssh', { stage: 9, open: 3, reset: 1, timeout: 2, trap: 0 }]]),
  nearMisses: { 'one step short': 1, trap: 0, 'port sweep': 2, unfinished: 0 },
  openings: new Map([['ssh', 4]]),
  firewall: {
    ensure: { done: 1, failed: 0 },
    list: { done: 1, failed: 0 },
    insert: { done: 3, failed: 1 },
    remove: { done: 2, failed: 0 },
  },
  commands: { ran: 6, failed: 1, running: 1, pending: 2 },
};
const RUN = { version: '1.2.3', startedAt: 1_795_219_000_000_000 };

it('counts become samples with logs, doors and words of ours as labels', () => {
  const samples = parseMetrics(expose(familiesOf(COUNTS, RUN)));
  const kern = 'log="/var/log/kern.log"';
  expect(Object.fromEntries(samples)).toMatchObject({
    'knocktail_build_info{version="1.2.3"}': 1,
    knocktail_start_time_seconds: 1_795_219_000,
    [`knocktail_packets_total{${kern}}`]: 20,
    [`knocktail_untrusted_lines_total{${kern}}`]: 3,
    [`knocktail_lost_lines_total{${kern},reason="overwritten"}`]: 5,
    [`knocktail_lost_lines_total{${kern},reason="suppressed"}`]: 7,
    [`knocktail_last_line_timestamp_seconds{${kern}}`]: 1_795_219_200.5,
    [`knocktail_last_packet_timestamp_seconds{${kern}}`]: 1_795_219_199,
    'knocktail_packets_total{log="kmsg"}': 0,
    knocktail_attempts: 2,
    knocktail_attempts_evicted_total: 1,
    'knocktail_decisions_total{door="ssh",event="open"}': 3,
    'knocktail_decisions_total{door="ssh",event="trap"}': 0,
    'knocktail_near_misses_total{kind="port sweep"}': 2,
    'knocktail_openings{door="ssh"}': 4,
    'knocktail_firewall_failures_total{operation="insert"}': 1,
    knocktail_commands_total: 6,
    knocktail_command_failures_total: 1,
    knocktail_commands_running: 1,
    knocktail_stop_commands_pending: 2,
  });
  expect(samples.has('knocktail_last_line_timestamp_seconds{log="kmsg"}')).toBe(false);
});

it('a door of knockd may be called anything', () => {
  const counts = { ...COUNTS, openings: new Map([['a"b\\c\nd', 1]]) };
  const samples = parseMetrics(expose(familiesOf(counts, RUN)));
  expect(samples.get('knocktail_openings{door="a\\"b\\\\c\\nd"}')).toBe(1);
});

describeWith(['promtool'], 'promtool', () => {
  it('has nothing to say against them', () => {
    const input = expose(familiesOf(COUNTS, RUN));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
