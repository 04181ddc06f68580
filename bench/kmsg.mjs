// The kernel's ring under floods: how many of its lines are lost by knocktail, by rsyslog's imklog, and by its imkmsg
// with the configuration that knocktail prints.
// Usage: node bench/kmsg.mjs, as root. imklog is the only reader that /proc/kmsg can have: stop any other first.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isInstalled, scratch, table } from './measure.mjs';
import { Ear, Wire } from './wire.mjs';

const RATES = [5_000, 20_000, 50_000];
const FLOOD_MS = 5_000;
const SETTLE_MS = 2_000;
/** What rsyslog finds in the ring at its start is not written: see rsyslogText. */
const BACKLOG_MS = 6_000;
const FIRST = (10 << 24) + (1 << 16);
const folder = scratch();
const wire = new Wire();
const config = join(folder, 'knock.yaml');
writeFileSync(
  config,
  `log: { from: kmsg, prefix: "${wire.prefix}" }\nfirewall: { backend: dry-run }\nstate: ${folder}\ndoors: { a: { sequence: [7001:udp, 7002:udp, 7003:udp], open: { port: 22 } } }\n`,
);
const own = join(folder, 'own.log');
const files = join(folder, 'files.yaml');
writeFileSync(files, readFileSync(config, 'utf8').replace('from: kmsg', `path: ${own}`));
const printed = execFileSync(process.execPath, ['dist/main.js', 'rules', '-c', files, '--format', 'rsyslog']);
const INPUTS = {
  imklog: `module(load="imklog")\nif $msg contains '${wire.prefix}' then action(type="omfile" file="${own}")\n`,
  imkmsg: printed,
};
const countOf = (path) =>
  existsSync(path)
    ? readFileSync(path, 'latin1')
        .split('\n')
        .filter((line) => line.includes(wire.prefix)).length
    : 0;

const READERS = {
  knocktail: ownLoss,
  imklog: (flood) => rsyslogLoss('imklog', flood),
  imkmsg: (flood) => rsyslogLoss('imkmsg', flood),
};
const rows = [
  ['lines/s asked for', 'logged by the kernel', ...Object.keys(READERS).map((name) => `lost by ${name}`)],
];
for (const rate of RATES) {
  const logged = [];
  const lost = [];
  // Each alone: two cores that send, log and read have none to spare for another reader.
  for (const [name, reader] of Object.entries(READERS)) {
    if (name in INPUTS && !isInstalled('rsyslogd')) continue;
    const result = await reader(async () => {
      await sleep(SETTLE_MS);
      const before = wire.logged();
      await wire.flood({ rate, ms: FLOOD_MS, ports: [7001, 9999], first: FIRST, count: 1_000_000 });
      await sleep(SETTLE_MS);
      return wire.logged() - before;
    });
    logged.push(result.logged);
    lost.push(`${((result.lost / result.logged) * 100).toFixed(2)} %`);
  }
  rows.push([rate, logged.join(', '), ...lost]);
}
console.log(`kmsg: ${FLOOD_MS / 1000} s each`);
table(rows);
process.exit();

async function ownLoss(flood) {
  const daemon = new Ear(spawn(process.execPath, ['dist/main.js', 'run', '-c', config]));
  await daemon.hears(/^ready/m);
  const logged = await flood();
  await daemon.end();
  const told = [...daemon.text.matchAll(/(\d+) messages were overwritten/g)];
  return { logged, lost: told.reduce((sum, [, count]) => sum + Number(count), 0) };
}

async function rsyslogLoss(input, flood) {
  const conf = join(folder, 'rsyslog.conf');
  writeFileSync(conf, `global(workDirectory="${folder}")\n${INPUTS[input]}`);
  const syslog = spawn('rsyslogd', ['-n', '-f', conf, '-i', join(folder, 'pid')], { stdio: 'ignore' });
  if (input === 'imkmsg') await sleep(BACKLOG_MS);
  const before = countOf(own);
  const logged = await flood();
  const ended = new Promise((resolve) => syslog.on('exit', resolve));
  syslog.kill('SIGTERM');
  await ended;
  return { logged, lost: Math.max(0, logged - (countOf(own) - before)) };
}
