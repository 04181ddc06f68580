// How long ten thousand doors take: a check, the start of the daemon, a reload.
// Usage: node bench/doors.mjs [DOORS]

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, scratch } from './measure.mjs';

const ROUNDS = 5;
const LIMIT_MS = 60_000;
const doors = Number(process.argv[2] ?? 10_000);
const folder = scratch();
const config = join(folder, 'knock.yaml');
writeFileSync(join(folder, 'log'), '');
writeFileSync(config, textOf(doors), { mode: 0o600 });

const rounds = [];
for (let round = 0; round < ROUNDS; round++) rounds.push(await measure());
const seconds = (key) => `${(median(rounds.map((each) => each[key])) / 1000).toFixed(1)} s`;
console.log(
  `${doors} doors: check ${seconds('checkMs')}, ready after ${seconds('readyMs')}, reload ${seconds('reloadMs')}`,
);

async function measure() {
  const begun = performance.now();
  spawnSync(process.execPath, ['dist/main.js', 'check', '-c', config], { timeout: LIMIT_MS });
  const checkMs = performance.now() - begun;
  const started = performance.now();
  const daemon = spawn(process.execPath, ['dist/main.js', 'run', '-c', config]);
  daemon.stderr.resume();
  await says(daemon, /ready: /);
  const readyMs = performance.now() - started;
  const asked = performance.now();
  daemon.kill('SIGHUP');
  await says(daemon, /reloaded /);
  const reloadMs = performance.now() - asked;
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  return { checkMs, readyMs, reloadMs };
}

async function says(daemon, pattern) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  for (let said = ''; !pattern.test(said); )
    said += String((await once(daemon.stdout, 'data', { signal }))[0]);
}

function textOf(count) {
  const port = (door, step) => 1024 + ((door * 7919 + step * 20_011) % 64_000);
  const lines = Array.from({ length: count }, (_, door) => {
    const sequence = [1, 2, 3, 4].map((step) => port(door, step)).join(', ');
    return `  d${door}: { sequence: [${sequence}], open: { port: 22, for: 30s } }\n`;
  });
  const head = `log: { path: ${join(folder, 'log')} }\nstate: ${join(folder, 'state')}\nfirewall: { backend: dry-run }\ndoors:\n`;
  return head + lines.join('');
}
