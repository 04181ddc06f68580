// What the running daemon takes for a line of a file that grows by 10,000 lines a second, and for how much memory.
// Usage: node bench/daemon.mjs [SECONDS]. Each kind of traffic has a daemon to itself.

import { spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, generator, IPV6_EVERY, liveLine, POPULAR, zipf } from './generate.mjs';
import { scratch, table, taken } from './measure.mjs';
import { Ear } from './wire.mjs';

const RATE = 10_000;
/** How often a logger writes; what it costs to look at a file again is shared by the lines of a write. */
const [OFTEN_MS, SELDOM_MS] = [5, 100];
const WARM_UP_MS = 4_000;
const SETTLE_MS = 2_000;
const seconds = Number(process.argv[2] ?? 10);
/** A first knock, and a trap that scanners touch. */
const [FIRST, TRAP] = [4438, 2323];
const folder = scratch();

const random = generator(11);
const rank = zipf(random);
const ipv4Client = () => {
  const client = rank();
  return client % IPV6_EVERY === IPV6_EVERY - 1 ? client - 1 : client;
};
const popular = (client) => POPULAR[(client + random(3)) % POPULAR.length];
const hex = () => random(65_536).toString(16);

/** What comes: clients that come back to the ports they like, and in a hundred lines five first knocks and five touched traps. */
const TRAFFIC = [
  { name: '20,000 clients that come back', packet: () => comingBack(ipv4Client()), limitS: seconds },
  { name: 'with traps and first knocks', packet: () => knocking(ipv4Client()), limitS: seconds },
  { name: 'with IPv6, too', packet: () => knocking(rank()), limitS: seconds },
  {
    name: 'random addresses of one IPv6 /64',
    packet: () =>
      packetOf(`2001:db8:0:1:${hex()}:${hex()}:${hex()}:${hex()}`, random(2) === 0 ? FIRST : popular(0)),
    limitS: 3 * seconds,
  },
];

console.log(`daemon: ${RATE} lines a second in a file`);
const rows = [];
let runs = 0;
for (const traffic of TRAFFIC) {
  const [often, seldom] = [await measure(traffic, OFTEN_MS), await measure(traffic, SELDOM_MS)];
  rows.push([traffic.name, often.cpu, seldom.cpu, often.memory, often.growth]);
}
const costs = [OFTEN_MS, SELDOM_MS].map((ms) => `CPU a line, a write each ${ms} ms`);
table([['traffic', ...costs, 'memory before', 'growth at its peak'], ...rows]);
process.exit();

function comingBack(client) {
  return packetOf(addressOf(client), popular(client));
}

function knocking(client) {
  const kind = random(100);
  return packetOf(addressOf(client), kind < 5 ? FIRST : kind < 10 ? TRAP : popular(client));
}

function packetOf(src, dpt) {
  return { src, dpt, spt: 1024 + random(60_000), id: random(65_536) };
}

async function measure({ packet, limitS }, everyMs) {
  const index = runs++;
  const log = join(folder, `${index}.log`);
  const config = join(folder, `${index}.yaml`);
  writeFileSync(log, '');
  writeFileSync(
    config,
    `log: { path: ${log} }\nstate: ${join(folder, `state-${index}`)}\nfirewall: { backend: dry-run }\ndoors: { ssh: { sequence: [${FIRST}, 1813:udp, 8235], trap: [${TRAP}], open: { port: 22, for: 30s } } }\n`,
  );
  const daemon = new Ear(spawn(process.execPath, ['dist/main.js', 'run', '-c', config]));
  await daemon.hears(/\bready: /);
  const file = openSync(log, 'a');
  // The code is warm before it counts, as after any day on a network.
  await write(file, packet, WARM_UP_MS, everyMs);
  await sleep(SETTLE_MS);
  const before = taken(daemon.child.pid);
  const written = await write(file, packet, limitS * 1000, everyMs);
  await sleep(SETTLE_MS);
  const after = taken(daemon.child.pid);
  closeSync(file);
  await daemon.end();
  return {
    cpu: `${(((after.cpuS - before.cpuS) / written) * 1e6).toFixed(1)} µs`,
    memory: `${before.rssMb.toFixed(0)} MB`,
    growth: `${(after.peakMb - before.rssMb).toFixed(0)} MB`,
  };
}

/** Writes lines as they are due, as a logger does. Returns how many. */
async function write(file, packet, ms, everyMs) {
  const start = performance.now();
  let written = 0;
  for (let passed = 0; passed < ms; passed = performance.now() - start) {
    let text = '';
    for (const due = Math.floor((passed * RATE) / 1000); written < due; written++) text += liveLine(packet());
    writeSync(file, text);
    await sleep(everyMs);
  }
  return written;
}
