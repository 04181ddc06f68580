// Daemons with nothing to do: how long until they are ready, their CPU over ten seconds, their memory. And knocktail with one
// line a second, of a client that is in no attempt.
// Usage: node bench/idle.mjs, as root for knockd and for lines of the kernel. Runs are interleaved, figures are medians.

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logLine } from './generate.mjs';
import { isInstalled, median, runS, scratch, table, taken } from './measure.mjs';
import { Wire } from './wire.mjs';

const ROUNDS = 3;
const IDLE_MS = 10_000;
const LINE_EVERY_MS = 1_000;
/** 10.77.0.66, as a number. */
const STRANGER = (10 << 24) + (77 << 16) + 66;
/** V8 cleans up after the start once it has seen that nothing goes on. */
const SETTLE_MS = 12_000;
const READY_LIMIT_MS = 60_000;
const folder = scratch();
const log = join(folder, 'kern.log');
writeFileSync(log, '');
const file = (name, text) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const door = 'sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 30s }';
const yaml = (name, from) =>
  file(
    name,
    `log: { ${from} }\nstate: ${folder}/state\nfirewall: { backend: dry-run }\ndoors: { ssh: { ${door} } }\n`,
  );
const conf = file(
  'knockd.conf',
  `[options]\n\tInterface = lo\n[ssh]\n\tsequence = 4438,1813:udp,8235\n\tcommand = /bin/true\n`,
);
const fail2ban = join(folder, 'fail2ban');
for (const each of ['', 'action.d', 'filter.d']) mkdirSync(join(fail2ban, each), { recursive: true });
file(
  'fail2ban/fail2ban.conf',
  `[Definition]\nloglevel = INFO\nlogtarget = STDOUT\nsyslogsocket = auto\nsocket = ${folder}/f2b.sock\npidfile = ${folder}/f2b.pid\ndbfile = None\ndbpurgeage = 1d\n[Thread]\n`,
);
file('fail2ban/filter.d/knock.conf', '[Definition]\nfailregex = KNOCK IN=.* SRC=<HOST>\n');
file(
  'fail2ban/jail.conf',
  `[DEFAULT]\nbackend = auto\n[knock]\nenabled = true\nfilter = knock\nlogpath = ${log}\nbanaction =\naction =\n`,
);

const own = (config) => [process.execPath, 'dist/main.js', 'run', '-c', config];
const DAEMONS = [
  { name: 'knocktail, a file', argv: own(yaml('file.yaml', `path: ${log}`)), ready: /\bready: / },
  { name: 'knocktail, /dev/kmsg', argv: own(yaml('kmsg.yaml', 'from: kmsg')), ready: /\bready: / },
  { name: 'knockd', argv: ['knockd', '-v', '-c', conf], ready: /listening on/ },
  {
    name: 'fail2ban-server',
    argv: ['fail2ban-server', '-f', '-c', fail2ban, 'start'],
    ready: /Jail 'knock' started/,
  },
].filter(({ argv: [program = ''] }) => isInstalled(program));
DAEMONS.push({
  name: 'knocktail, a file, a line a second',
  argv: own(yaml('file-lines.yaml', `path: ${log}`)),
  ready: /\bready: /,
  lines: () => {
    const timer = setInterval(() => appendFileSync(log, liveLine()), LINE_EVERY_MS);
    return () => clearInterval(timer);
  },
});
if (process.getuid?.() === 0 && ['iptables', 'perl', 'ip'].every(isInstalled)) {
  const wire = new Wire();
  const isToSend = { ms: SETTLE_MS + IDLE_MS + LINE_EVERY_MS, ports: [9999], first: STRANGER, count: 1 };
  DAEMONS.push({
    name: 'knocktail, /dev/kmsg, a line a second',
    argv: own(yaml('kmsg-lines.yaml', `from: kmsg, prefix: "${wire.prefix}"`)),
    ready: /\bready: /,
    lines: () => {
      const sent = wire.flood({ rate: 1_000 / LINE_EVERY_MS, ...isToSend });
      return () => sent;
    },
  });
}

const results = new Map(DAEMONS.map(({ name }) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const { name, argv, ready, lines } of DAEMONS)
    results.get(name)?.push(await watch(argv, ready, lines));
}
console.log(`idle: medians of ${ROUNDS}`);
table([
  ['daemon', 'ready after', `CPU in ${IDLE_MS / 1000} s`, 'memory'],
  ...[...results].map(([name, runs]) => [
    name,
    `${median(runs.map((it) => it.readyMs)).toFixed(0)} ms`,
    `${(median(runs.map((it) => it.cpuS)) * 1000).toFixed(0)} ms`,
    `${median(runs.map((it) => it.rssMb)).toFixed(0)} MB`,
  ]),
]);

async function watch([program = '', ...argv], ready, lines = () => () => undefined) {
  const startedMs = performance.now();
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const readyMs = await new Promise((resolve, reject) => {
    const hear = (text) => {
      said += text;
      if (ready.test(said)) resolve(performance.now() - startedMs);
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
    child.on('exit', () => reject(new Error(`${program} has ended: ${said}`)));
    setTimeout(() => reject(new Error(`${program} is not ready: ${said}`)), READY_LIMIT_MS).unref();
  });
  const endLines = lines();
  await sleep(SETTLE_MS);
  const beforeS = runS(child.pid);
  await sleep(IDLE_MS);
  const cpuS = runS(child.pid) - beforeS;
  const { rssMb } = taken(child.pid);
  await endLines();
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  return { readyMs, cpuS, rssMb };
}

/** A line as the kernel's logger writes it at this moment, of a client at a port of no door. */
function liveLine() {
  const body = logLine(0, { src: '192.0.2.66', spt: 40_000, dpt: 9999, id: 1 });
  const uptime = (Number(process.hrtime.bigint()) / 1e9).toFixed(6).padStart(12);
  return `${new Date().toISOString().replace('Z', '000+00:00')} bastion kernel: [${uptime}] ${body.slice(body.indexOf('KNOCK'))}`;
}
