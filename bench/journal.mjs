// A backlog of the journal beside the same lines in a file: CPU a line, and the peak of memory.
// Usage: node bench/journal.mjs [ENTRIES], as root. In a mount namespace a stand-in for journalctl prints entries in the export
// format as fast as they are taken, so that its CPU and journald's do not count. Runs are interleaved, figures are medians.

import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generator, logLine } from './generate.mjs';
import { median, scratch, table, taken } from './measure.mjs';
import { Ear } from './wire.mjs';

const ENTRIES = Number(process.argv[2] ?? 300_000);
const CLIENTS = 20_000;
const ROUNDS = 3;
/** A daemon that takes no CPU for so long has read everything. */
const QUIET_MS = 1_500;
const JOURNALCTL = '/usr/bin/journalctl';
const folder = scratch();
const at = (name) => join(folder, name);
const [config, log, lines, entries] = [at('knock.yaml'), at('kern.log'), at('lines'), at('entries')];
write();

const SOURCES = { file: fromFile, journal: fromJournal };
const results = new Map(Object.keys(SOURCES).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, read] of Object.entries(SOURCES)) {
    const idle = await read('/dev/null');
    const { cpuS, peakMb } = await read(name === 'file' ? lines : entries);
    results.get(name)?.push({ lineUs: ((cpuS - idle.cpuS) / ENTRIES) * 1e6, peakMb });
  }
}
const lineUs = (name) => median(results.get(name).map((run) => run.lineUs));
console.log(`journal: a backlog of ${ENTRIES} lines of ${CLIENTS} clients, medians of ${ROUNDS}`);
table([
  ['source', 'CPU a line', 'of the file', 'peak of memory'],
  ...[...results].map(([name, runs]) => [
    name,
    `${lineUs(name).toFixed(1)} µs`,
    `${(lineUs(name) / lineUs('file')).toFixed(1)}x`,
    `${median(runs.map(({ peakMb }) => peakMb)).toFixed(0)} MB`,
  ]),
]);
process.exit();

/** The same packets as lines and as entries, all of this minute. */
function write() {
  const random = generator(11);
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  const [nowUs, upUs] = [Date.now() * 1000, Math.floor(Number(process.hrtime.bigint()) / 1000)];
  for (const path of [lines, entries]) writeFileSync(path, '');
  let [asLines, asEntries] = ['', ''];
  for (let index = 0; index < ENTRIES; index++) {
    const [us, client] = [upUs - ENTRIES + index, random(CLIENTS)];
    const src = `11.${client >> 16}.${(client >> 8) & 255}.${client & 255}`;
    const line = logLine(0, { src, spt: 1024 + random(60_000), dpt: 22, id: random(65_536) });
    const message = line.slice(line.indexOf('KNOCK')).trimEnd();
    const wallUs = nowUs - ENTRIES + index;
    const stamp = new Date(Math.floor(wallUs / 1000)).toISOString().slice(0, 23);
    asLines += `${stamp}${String(wallUs % 1000).padStart(3, '0')}+00:00 ${hostname()} kernel: [${(us / 1e6).toFixed(6).padStart(12)}] ${message} \n`;
    asEntries += `__CURSOR=s=0123456789abcdef0123456789abcdef;i=${index.toString(16)};b=${boot};m=${us.toString(16)};t=${wallUs.toString(16)};x=0123456789abcdef\n__REALTIME_TIMESTAMP=${wallUs}\n__MONOTONIC_TIMESTAMP=${us}\n_BOOT_ID=${boot}\n_TRANSPORT=kernel\nSYSLOG_FACILITY=0\n_HOSTNAME=${hostname()}\n_SOURCE_MONOTONIC_TIMESTAMP=${us}\nMESSAGE=${message} \n\n`;
    if (index % 1_000 < 999 && index < ENTRIES - 1) continue;
    appendFileSync(lines, asLines);
    appendFileSync(entries, asEntries);
    [asLines, asEntries] = ['', ''];
  }
}

async function fromFile(path) {
  writeFileSync(log, '');
  return await measure(`path: ${log}`, [], () => appendFileSync(log, readFileSync(path)));
}

async function fromJournal(path) {
  const standIn = at('journalctl');
  // Asked for the end alone, it has none yet, so that all of the backlog has come since.
  writeFileSync(
    standIn,
    `#!/bin/sh\ncase " $* " in *" -f "*) sleep 0.5; cat ${path}; exec sleep 3600;; esac\n`,
  );
  chmodSync(standIn, 0o755);
  const script = `mount --make-rprivate / && mount --bind ${standIn} ${JOURNALCTL} && exec "$@"`;
  return await measure('from: journal', ['unshare', '-m', 'sh', '-c', script, 'sh'], () => undefined);
}

/** What a daemon takes until it has read what is fed to it. */
async function measure(from, before, feed) {
  writeFileSync(
    config,
    `log: { ${from} }\nstate: ${folder}/state\nfirewall: { backend: dry-run }\ndoors: { a: { sequence: [7001, 7002, 7003], start_command: "true" } }\n`,
  );
  const [program, ...argv] = [...before, process.execPath, 'dist/main.js', 'run', '-c', config];
  const daemon = new Ear(spawn(program, argv, { detached: true }));
  await daemon.hears(/reading/);
  feed();
  let used = taken(daemon.child.pid);
  for (let quietMs = 0; quietMs < QUIET_MS; ) {
    await sleep(100);
    const next = taken(daemon.child.pid);
    // A tick or two is what rest takes.
    quietMs = next.cpuS - used.cpuS < 0.005 ? quietMs + 100 : 0;
    used = next;
  }
  await daemon.end();
  return used;
}
