// Measures a knock beside thousands of openings that end in the same second, from its log line to its open door.
// Usage: node bench/bulk.mjs [OPENINGS]. Needs root, ip and iptables. Everything stays in a network namespace of its own.

import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median, scratch, table } from './measure.mjs';

const count = Number(process.argv[2] ?? 10_000);
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const PORTS = [4438, 1813, 8235];
/** Between two knocks. */
const PACE_MS = 200;
const ALONE = 40;
const START_MS = 8_000;
const LIMIT_MS = 120_000;

const folder = scratch();
const rows = [
  [
    'back end',
    'knock, empty chain, p50, p95',
    'knock while they are removed, p50, p95, most',
    'all removed after',
  ],
];
for (const backend of ['nft', 'legacy']) {
  if (spawnSync(`iptables-${backend}`, ['--version']).status === 0) rows.push(await measure(backend));
}
console.log(`${count} openings that end in the same second`);
table(rows);

async function measure(backend) {
  const name = `ktb-${process.pid}`;
  run('ip', ['netns', 'add', name]);
  let daemon = null;
  try {
    const log = join(folder, `${backend}.log`);
    writeFileSync(log, '');
    const config = join(folder, `${backend}.yaml`);
    writeFileSync(
      config,
      `log: { from: file, path: ${log}, prefix: "BULK " }
state: ${join(folder, backend)}
firewall: { iptables: ${backend} }
doors:
  ssh: { sequence: [${PORTS}], seq_timeout: 5s, tcpflags: [syn], open: { port: 22, for: 600s } }
`,
      { mode: 0o600 },
    );
    const end = Math.ceil((Date.now() + START_MS + ALONE * PACE_MS + count) / 1000);
    inside(name, [`iptables-${backend}-restore`, '--noflush'], rulesUntil(end));
    daemon = spawn('ip', [
      'netns',
      'exec',
      name,
      process.execPath,
      MAIN,
      'run',
      '-c',
      config,
      '--log-format',
      'json',
    ]);
    const opened = new Map();
    const closed = { count: 0, last: 0 };
    listen(daemon, ({ event, source }) => {
      if (event === 'opened') opened.set(source, performance.now());
      if (event === 'closed') Object.assign(closed, { count: closed.count + 1, last: performance.now() });
    });
    await until(() => daemon.isReady, 'the daemon');
    const knock = (number) => {
      const source = `10.2.${number >> 8}.${number & 255}`;
      const lines = PORTS.map((port) => lineOf(source, port)).join('');
      const begun = performance.now();
      appendFileSync(log, lines);
      return { source, begun };
    };
    await sleep(Math.max(0, end * 1000 - Date.now()) + 100);
    const [from, during] = [performance.now(), []];
    while (closed.count < count && performance.now() - from < LIMIT_MS) {
      during.push(knock(during.length));
      await sleep(PACE_MS);
    }
    const before = during.length;
    const alone = [];
    inside(name, [`iptables-${backend}`, '-F', 'KNOCKD']);
    for (let number = 0; number < ALONE; number++) {
      alone.push(knock(before + number));
      await sleep(PACE_MS);
    }
    await until(() => opened.size === before + ALONE, 'all knocks to open');
    const delays = (knocks) =>
      knocks.map(({ source, begun }) => opened.get(source) - begun).sort((a, b) => a - b);
    const [empty, busy] = [delays(alone), delays(during)];
    return [
      backend,
      `${ms(median(empty))}, ${ms(p95(empty))}`,
      `${ms(median(busy))}, ${ms(p95(busy))}, ${ms(busy.at(-1))} (${before} knocks)`,
      `${((closed.last - from + 100) / 1000).toFixed(1)} s`,
    ];
  } finally {
    daemon?.kill('SIGTERM');
    if (daemon !== null) await until(() => daemon.exitCode !== null || daemon.signalCode !== null, 'its end');
    run('ip', ['netns', 'del', name]);
  }
}

function rulesUntil(end) {
  const stop = new Date((end - 1) * 1000).toISOString().slice(0, 19);
  const rules = Array.from({ length: count }, (_, at) => {
    const source = `10.1.${at >> 8}.${at & 255}`;
    const comment = `-m comment --comment "knocktail:ssh until=${end}" -m time --datestop ${stop}`;
    return `-I KNOCKD 1 -s ${source}/32 -p tcp -m tcp --dport 22 ${comment} -j ACCEPT`;
  });
  return ['*filter', ':KNOCKD - [0:0]', ...rules, 'COMMIT', ''].join('\n');
}

function lineOf(source, port) {
  const time = new Date().toISOString().replace('Z', '000+00:00');
  const head = `${time} host kernel: BULK IN=eth0 OUT= MAC= SRC=${source} DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1`;
  return `${head} DF PROTO=TCP SPT=40000 DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0\n`;
}

function listen(daemon, hear) {
  let rest = '';
  const take = (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const record = JSON.parse(line);
      if (record.message?.startsWith('ready')) daemon.isReady = true;
      hear(record);
    }
  };
  daemon.stdout.on('data', take);
  daemon.stderr.on('data', take);
}

async function until(isSo, what) {
  for (const begun = performance.now(); !isSo(); await sleep(5)) {
    if (performance.now() - begun > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
  }
}

function inside(name, argv, input = '') {
  run('ip', ['netns', 'exec', name, ...argv], input);
}

function run(program, argv, input = '') {
  const { status, stderr } = spawnSync(program, argv, { input, encoding: 'utf8', timeout: LIMIT_MS });
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${stderr}`);
}

function p95(sorted) {
  return sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
}

function ms(number) {
  return `${number.toFixed(0)} ms`;
}
