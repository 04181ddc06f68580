// The kernel's ring under floods: how many of its lines knocktail loses, beside rsyslog's imklog.
// Usage: node bench/kmsg.mjs, as root. imklog is the only reader that /proc/kmsg can have: stop any other first.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isInstalled, scratch, table } from './measure.mjs';
import { Ear, Wire } from './wire.mjs';

const RATES = [5_000, 20_000, 50_000];
const FLOOD_MS = 5_000;
const SETTLE_MS = 2_000;
const FIRST = (10 << 24) + (1 << 16);
const folder = scratch();
const wire = new Wire();
const config = join(folder, 'knock.yaml');
writeFileSync(
  config,
  `log: { from: kmsg, prefix: "${wire.prefix}" }\nfirewall: { backend: dry-run }\nstate: ${folder}\ndoors: { a: { sequence: [7001:udp, 7002:udp, 7003:udp], open: { port: 22 } } }\n`,
);
const own = join(folder, 'own.log');
const conf = join(folder, 'rsyslog.conf');
writeFileSync(
  conf,
  `global(workDirectory="${folder}")\nmodule(load="imklog")\nif $msg contains '${wire.prefix}' then action(type="omfile" file="${own}")\n`,
);
const countOf = (path) =>
  existsSync(path)
    ? readFileSync(path, 'latin1')
        .split('\n')
        .filter((line) => line.includes(wire.prefix)).length
    : 0;

const READERS = { knocktail: ownLoss, imklog: imklogLoss };
const rows = [['lines/s asked for', 'logged by the kernel', 'lost by knocktail', 'lost by imklog']];
for (const rate of RATES) {
  const logged = [];
  const lost = [];
  // Each alone: two cores that send, log and read have none to spare for another reader.
  for (const [name, reader] of Object.entries(READERS)) {
    if (name === 'imklog' && !isInstalled('rsyslogd')) continue;
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
  await daemon.hears(/\bready: /);
  const logged = await flood();
  await daemon.end();
  const told = [...daemon.text.matchAll(/(\d+) messages were overwritten/g)];
  return { logged, lost: told.reduce((sum, [, count]) => sum + Number(count), 0) };
}

async function imklogLoss(flood) {
  const syslog = spawn('rsyslogd', ['-n', '-f', conf, '-i', join(folder, 'pid')], { stdio: 'ignore' });
  const before = countOf(own);
  const logged = await flood();
  const ended = new Promise((resolve) => syslog.on('exit', resolve));
  syslog.kill('SIGTERM');
  await ended;
  return { logged, lost: Math.max(0, logged - (countOf(own) - before)) };
}
