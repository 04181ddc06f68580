// Floods of first knocks from strangers beside genuine knocks: how many of these are missed, and what the rest costs.
// Usage: node bench/flood.mjs; as root, also beside knockd on one wire.

import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generator, liveLine, logLine } from './generate.mjs';
import { isInstalled, median, run, scratch, table, taken } from './measure.mjs';
import { Ear, Wire } from './wire.mjs';

const SEQUENCE = [7001, 7002, 7003];
const SETTLE_MS = 2_000;
const folder = scratch();

await inFile(50_000, 10_000);
costOfAttempts();
if (process.getuid?.() === 0 && ['knockd', 'iptables', 'perl', 'ip'].every(isInstalled))
  await onWire(5_000, 20_000);
process.exit();

/** A logger that writes so many lines a second of new sources to a log, with a genuine knock twice a second among them. */
async function inFile(rate, ms) {
  const log = join(folder, 'flood.log');
  writeFileSync(log, '');
  const config = write('file.yaml', `log: { path: ${log} }`);
  const daemon = new Ear(spawn(process.execPath, ['dist/main.js', 'run', '-c', config]));
  await daemon.hears(/\bready: /);
  const file = openSync(log, 'a');
  const random = generator(7);
  const lineOf = (src, port) =>
    liveLine({ src, spt: 1024 + random(60_000), dpt: port, id: random(65_536), proto: 'UDP' });
  const stranger = () => `${11 + random(200)}.${random(256)}.${random(256)}.${1 + random(254)}`;
  // The code is warm before it counts, as after any day on a network.
  for (let count = 0; count < rate / 5; count++) writeSync(file, lineOf(stranger(), SEQUENCE[0]));
  await sleep(SETTLE_MS);
  const before = taken(daemon.child.pid);
  const genuine = [];
  const start = performance.now();
  for (let written = 0; performance.now() - start < ms; await sleep(5)) {
    const passed = performance.now() - start;
    let text = '';
    for (const due = Math.floor((passed * rate) / 1000); written < due; written++)
      text += lineOf(stranger(), SEQUENCE[0]);
    if (passed > genuine.length * 500 + 100) {
      const source = `10.77.1.${genuine.length + 1}`;
      genuine.push(source);
      for (const port of SEQUENCE) text += lineOf(source, port) + lineOf(stranger(), SEQUENCE[0]);
    }
    writeSync(file, text);
  }
  closeSync(file);
  await sleep(SETTLE_MS);
  const after = taken(daemon.child.pid);
  await daemon.end();
  const opened = genuine.filter((source) => isOpened(daemon.text, source)).length;
  console.log(`flood: ${rate} first knocks/s of new sources for ${ms / 1000} s, in a file`);
  table([
    ['genuine knocks', 'opened', 'CPU', 'memory before', 'growth at its peak'],
    [
      genuine.length,
      opened,
      `${(((after.cpuS - before.cpuS) / (ms / 1000)) * 100).toFixed(0)} % of a core`,
      `${before.rssMb.toFixed(0)} MB`,
      `${(after.peakMb - before.rssMb).toFixed(0)} MB`,
    ],
  ]);
  if (opened !== genuine.length) process.exitCode = 1;
}

/** The same number of first knocks, from few sources and from many that are all in mid-attempt. */
function costOfAttempts() {
  const LINES = 500_000;
  const COUNTS = [1_000, 50_000];
  const config = write('cost.yaml', 'log: { path: /dev/null }', 'sweep_guard: 0');
  const costUs = (path) =>
    run([process.execPath, 'dist/main.js', 'replay', '-c', config, '--json', path]).cpuS;
  const paths = COUNTS.map((count) => {
    const path = join(folder, `cost-${count}.log`);
    writeFileSync(path, '');
    let text = '';
    for (let index = 0; index < LINES; index++) {
      const source = index % count;
      const src = `10.${source >> 16}.${(source >> 8) & 255}.${source & 255}`;
      text += logLine(index * 10, {
        src,
        spt: 1024 + (index % 60_000),
        dpt: SEQUENCE[0],
        id: index % 65_536,
        proto: 'UDP',
      });
      if (text.length > 1e6) {
        appendFileSync(path, text);
        text = '';
      }
    }
    appendFileSync(path, text);
    return path;
  });
  const rounds = [1, 2, 3].map(() => ({ idle: costUs('/dev/null'), runs: paths.map(costUs) }));
  const idle = median(rounds.map(({ idle }) => idle));
  const perPacket = COUNTS.map(
    (_, index) => ((median(rounds.map(({ runs }) => runs[index])) - idle) / LINES) * 1e6,
  );
  console.log('\nflood: CPU a packet, by attempts in flight');
  table([
    [...COUNTS.map((count) => `${count} attempts`), 'ratio'],
    [...perPacket.map((us) => `${us.toFixed(2)} µs`), `${(perPacket[1] / perPacket[0]).toFixed(1)}x`],
  ]);
}

/** Real packets, the kernel's log of them, and knockd on the same wire. */
async function onWire(rate, ms) {
  const wire = new Wire();
  const config = write('wire.yaml', `log: { from: kmsg, prefix: "${wire.prefix}" }`);
  const conf = join(folder, 'knockd.conf');
  const sequence = SEQUENCE.map((port) => `${port}:udp`).join(',');
  writeFileSync(
    conf,
    `[options]\n\tInterface = wire\n\tlogfile = ${folder}/knockd.log\n[a]\n\tsequence = ${sequence}\n\tcommand = /bin/true\n`,
  );
  const daemons = {
    knocktail: new Ear(wire.spawn('srv', process.execPath, 'dist/main.js', 'run', '-c', config)),
    knockd: new Ear(wire.spawn('srv', 'knockd', '-v', '-c', conf)),
  };
  await daemons.knocktail.hears(/\bready: /);
  await daemons.knockd.hears(/listening on/);
  const FIRST_GENUINE = (10 << 24) + (77 << 16) + 100;
  const strangers = wire.flood({ rate, ms, ports: [SEQUENCE[0]], first: (11 << 24) + 1, count: 10_000_000 });
  const genuine = [];
  // By now knockd has a list of strangers to walk for each packet.
  await sleep(ms / 2);
  for (; genuine.length < 8; await sleep(1_000)) {
    const first = FIRST_GENUINE + genuine.length;
    genuine.push(`10.77.0.${100 + genuine.length}`);
    await wire.flood({ rate: 100, ms: 35, ports: SEQUENCE, first, count: 1 });
  }
  const sent = await strangers;
  await sleep(SETTLE_MS);
  for (const daemon of Object.values(daemons)) await daemon.end();
  console.log(`\nflood: ${Math.round(sent / (ms / 1000))} first knocks/s for ${ms / 1000} s, on a wire`);
  const missed = (said) => genuine.filter((source) => !isOpened(said, source)).length;
  table([
    ['daemon', `missed of ${genuine.length} genuine knocks`],
    ...Object.entries(daemons).map(([name, { text }]) => [name, missed(text)]),
  ]);
}

/** Whether either daemon says that it has acted on a knock of this source. */
function isOpened(said, source) {
  return said.includes(`${source}: a: OPEN SESAME`) || said.includes(`${source}: a: would run command`);
}

function write(name, log, more = '') {
  const path = join(folder, name);
  const door = `{ sequence: [${SEQUENCE.map((port) => `${port}:udp`)}], start_command: "true" }`;
  writeFileSync(
    path,
    `${log}\nstate: ${folder}\nfirewall: { backend: dry-run }\n${more}\ndoors: { a: ${door} }\n`,
  );
  return path;
}
