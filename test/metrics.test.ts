/** The metrics of a daemon that reads a log and opens doors. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Served } from './lab/served.ts';
import { parseMetrics } from './telemetry/metrics/parse.ts';

let served: Served;
beforeEach(() => {
  served = new Served();
});
afterEach(() => served.close());

const DOORS = {
  ssh: 'sequence: [7000, 8000], open: { port: 22, for: 1h }',
  run: 'sequence: [9000], start_command: "false", stop_command: "true", cmd_timeout: 1h',
};

it('a daemon that ends has written what it counted', async () => {
  const path = join(served.folder, 'knocktail.prom');
  served.configure(DOORS, `state: ${served.state}\nmetrics: ${path}`);
  await served.start();
  served.knock('192.0.2.7', 7000, 8000);
  served.knock('192.0.2.8', 9000, 7000);
  await served.says(/opened 22\/tcp/);
  await served.says(/non-zero status/);
  await served.end();
  const text = readFileSync(path, 'utf8');
  expect(text).not.toMatch(/192\.0\.2/);
  expect(Object.fromEntries(parseMetrics(text))).toMatchObject({
    [`knocktail_packets_total{log="${join(served.folder, 'kern.log')}"}`]: 4,
    'knocktail_decisions_total{door="ssh",event="stage"}': 3,
    'knocktail_decisions_total{door="ssh",event="open"}': 1,
    'knocktail_decisions_total{door="run",event="open"}': 1,
    'knocktail_openings{door="ssh"}': 1,
    'knocktail_firewall_operations_total{operation="insert"}': 1,
    'knocktail_firewall_failures_total{operation="insert"}': 0,
    knocktail_attempts: 1,
    knocktail_commands_total: 1,
    knocktail_command_failures_total: 1,
    knocktail_stop_commands_pending: 1,
  });
});

it('a reload may name another file, and counters go on', async () => {
  const [first, second] = [join(served.folder, 'first.prom'), join(served.folder, 'second.prom')];
  served.configure(DOORS, `state: ${served.state}\nmetrics: ${first}`);
  await served.start();
  served.knock('192.0.2.7', 9000);
  await served.says(/non-zero status/);
  writeFileSync(served.config, served.configOf(DOORS, `state: ${served.state}\nmetrics: ${second}`));
  await served.says(/reloaded/);
  await served.end();
  expect(existsSync(first)).toBe(true);
  expect(parseMetrics(readFileSync(second, 'utf8')).get('knocktail_commands_total')).toBe(1);
});

it('a dry run writes none', async () => {
  const path = join(served.folder, 'knocktail.prom');
  served.configure(DOORS, `state: ${served.state}\nmetrics: ${path}`);
  await served.start('--dry-run');
  await served.end();
  expect(existsSync(path)).toBe(false);
});
