/** The metrics of counts. */

import { expect, it } from 'vitest';
import { expose } from '../../../src/telemetry/metrics/exposition.ts';
import { familiesOf } from '../../../src/telemetry/metrics/families.ts';
import { COUNTS, RUN } from './counts.ts';
import { parseMetrics } from './parse.ts';

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
