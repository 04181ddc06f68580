// From the last SYN of a knock to the open door: knocktail's `open:` and its commands, beside knockd's, on one wire.
// Usage: npm run bench:latency [-- KNOCKS]. Needs root, ip, iptables and knockd. The doors are knocked at by turns, each
// time from an address of its own; the three of them have the same rules between them and the port that is probed.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const knocks = Number(process.argv[2] ?? 200);
const SERVER = '10.77.0.1';
/** Each is called by who opens it; its rule lets in UDP at its port. */
const DOORS = [
  { name: 'knockd', ports: [4101, 4102, 4103], probe: 5001 },
  { name: 'knocktail, command', ports: [4201, 4202, 4203], probe: 5002 },
  { name: 'knocktail, open:', ports: [4301, 4302, 4303], probe: 5003 },
];
const [KNOCKD, COMMAND, OPEN] = DOORS;
const PROBED = DOORS.map(({ probe }) => probe);

const name = `ktb-${process.pid}`;
const prefix = `${name}: `;
const folder = mkdtempSync(join(tmpdir(), `${name}-`));
const [server, client] = [`${name}-server`, `${name}-client`];
const children = [];

try {
  build();
  await start(server, [process.execPath, here('latency/echo.mjs'), ...PROBED.map(String)], 'ready');
  await startKnocktail();
  await startKnockd();
  const times = await measure();
  report(times);
} finally {
  await tearDown();
}

async function measure() {
  const prober = spawnIn(client, [process.execPath, here('latency/client.mjs'), SERVER]);
  const answers = createInterface({ input: prober.stdout })[Symbol.asyncIterator]();
  const times = new Map(DOORS.map((door) => [door, []]));
  for (let round = 0; round < knocks; round++) {
    for (const door of DOORS) {
      const source = sourceOf(round);
      prober.stdin.write(`${JSON.stringify({ ...door, source })}\n`);
      const { value } = await answers.next();
      times.get(door).push(JSON.parse(value) ?? Number.POSITIVE_INFINITY);
      if (door !== OPEN) runIn(server, ruleOf('-D', source, door));
    }
  }
  return times;
}

function report(times) {
  console.log(`from the last SYN to the open door, ${knocks} knocks each\n`);
  console.log('| door | p50 | p95 | of knockd |\n|---|---|---|---|');
  const [p50, p95] = [0.5, 0.95].map((part) => (door) => quantile(times.get(door), part));
  for (const door of DOORS) {
    const ratios = [p50, p95].map((of) => `${(of(door) / of(KNOCKD)).toFixed(3)}x`);
    console.log(
      `| ${door.name} | ${p50(door).toFixed(1)} ms | ${p95(door).toFixed(1)} ms | ${ratios.join(', ')} |`,
    );
  }
  const shut = DOORS.filter((door) => times.get(door).some((ms) => !Number.isFinite(ms)));
  for (const door of shut) console.log(`\n${door.name} did not open to every knock`);
  if (shut.length > 0) process.exitCode = 1;
}

function build() {
  allNetns('hold');
  for (const namespace of [server, client]) {
    run('ip', 'netns', 'add', namespace);
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  }
  run('ip', 'link', 'add', 'wire', 'netns', server, 'type', 'veth', 'peer', 'name', 'wire', 'netns', client);
  run('ip', '-n', server, 'addr', 'add', `${SERVER}/16`, 'dev', 'wire');
  const batch = join(folder, 'addresses');
  const addresses = Array.from({ length: knocks }, (_, round) => `addr add ${sourceOf(round)}/16 dev wire\n`);
  writeFileSync(batch, addresses.join(''));
  run('ip', '-n', client, '-batch', batch);
  for (const namespace of [server, client]) run('ip', '-n', namespace, 'link', 'set', 'wire', 'up');
  const append = (...rule) => runIn(server, ['iptables', '-w', '-A', 'INPUT', ...rule]);
  // Probes are no knocks, and would fill the log.
  append('-p', 'udp', '-j', 'DROP');
  append('-p', 'tcp', '-j', 'LOG', '--log-level', 'info', '--log-prefix', prefix);
  append('-p', 'tcp', '-j', 'DROP');
}

async function startKnocktail() {
  const config = join(folder, 'knock.yaml');
  writeFileSync(
    config,
    `log: { from: kmsg, prefix: "${prefix}" }
state: ${folder}
doors:
  command:
    sequence: [${COMMAND.ports}]
    seq_timeout: 5s
    start_command: ${ruleOf('-I', '%IP%', COMMAND).join(' ')}
  open: { sequence: [${OPEN.ports}], seq_timeout: 5s, open: { port: ${OPEN.probe}, proto: udp, for: 5s } }
`,
  );
  await start(server, [process.execPath, here('../dist/main.js'), 'run', '-c', config], 'ready');
}

async function startKnockd() {
  const config = join(folder, 'knockd.conf');
  writeFileSync(
    config,
    `[options]
interface = wire
[door]
sequence = ${KNOCKD.ports}
seq_timeout = 5
tcpflags = syn
start_command = ${ruleOf('-I', '%IP%', KNOCKD).join(' ')}
`,
  );
  await start(server, ['knockd', '-v', '-c', config, '-i', 'wire'], 'listening on');
}

function ruleOf(verb, source, { probe }) {
  return [
    'iptables',
    '-w',
    verb,
    'INPUT',
    '-s',
    source,
    '-p',
    'udp',
    '--dport',
    String(probe),
    '-j',
    'ACCEPT',
  ];
}

function sourceOf(round) {
  return `10.77.${1 + Math.floor(round / 250)}.${1 + (round % 250)}`;
}

/** Starts a program that lives until the end, and waits until it says a word. */
async function start(namespace, argv, word) {
  const child = spawnIn(namespace, argv);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${argv.join(' ')}: ${said}`)));
  ended.catch(() => undefined);
  while (!said.includes(word)) await Promise.race([once(child.stdout, 'data'), ended]);
}

function spawnIn(namespace, argv) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...argv], { stdio: 'pipe' });
  children.push(child);
  return child;
}

async function tearDown() {
  const living = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = living.map((child) => once(child, 'exit'));
  for (const child of living) child.kill('SIGTERM');
  await Promise.all(ended);
  for (const namespace of [server, client]) run('ip', 'netns', 'del', namespace);
  allNetns('release');
  rmSync(folder, { recursive: true });
}

/** The kernel logs for namespaces only when it is told to; the tests share what does so. */
function allNetns(verb) {
  const script = here('../test/lab/all-netns.mjs');
  run('flock', '/run/knocktail-lab.lock', process.execPath, script, verb, `${process.pid}/${name}`);
}

function runIn(namespace, argv) {
  run('ip', 'netns', 'exec', namespace, ...argv);
}

function run(...[program, ...args]) {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function here(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

function quantile(numbers, part) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * part)];
}
