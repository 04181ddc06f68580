// A made-up week of strangers -> the pictures of its report in docs/, and the report itself. Needs Chromium.
// Usage: npm run -s build && node bench/pictures.mjs

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { generator, logLine, SEQUENCE } from './generate.mjs';
import { scratch } from './measure.mjs';

const CHROMIUM = '/usr/bin/chromium';
const PICTURES = [
  { file: 'docs/report-desktop.png', width: 1080, height: 1312, colorScheme: 'light' },
  { file: 'docs/report-phone.png', width: 360, height: 850, colorScheme: 'dark' },
];
const DAYS = 7;
const [DAY_S, HOUR_S] = [86_400, 3_600];
const PACKETS = 13_500;
const SCAN = { day: 3, packets: 800, source: '198.51.100.77' };
/** Of a hundred packets, how many are for a port. */
const OFTEN = { 23: 27, 22: 17, 445: 9, 3389: 8, 8080: 5, 6379: 4, 443: 3, 1433: 3, 5555: 2 };
const PORTS = Object.entries(OFTEN).flatMap(([port, weight]) => Array(weight).fill(Number(port)));
const SIP = 5060;

const random = generator(7);
const folder = scratch();
const [log, config, page] = ['kern.log', 'knock.yaml', 'report.html'].map((name) => join(folder, name));
const lines = [...strangers(), ...scan(), ...knocks()].sort(([a], [b]) => a - b);
writeFileSync(log, lines.map(([second, packet]) => logLine(second * 1e6 + random(1e6), packet)).join(''));
const [first, second, third] = SEQUENCE;
const door = `{ sequence: [${first}, ${second}:udp, ${third}], seq_timeout: 10s, open: { port: 22, for: 30s } }`;
writeFileSync(config, `doors: { ssh: ${door} }\n`);
const report = (...options) =>
  execFileSync(process.execPath, [resolve('dist/main.js'), 'report', '-c', config, ...options, log], {
    env: { ...process.env, TZ: 'UTC' },
    encoding: 'utf8',
  });
process.stdout.write(`${report()}\n${report('--json')}\n`);
report('--html', page);
await draw();

/** By day more than by night. */
function* strangers() {
  for (let count = 0; count < PACKETS; ) {
    const second = random(DAYS * DAY_S);
    const share = (1.2 - Math.cos((2 * Math.PI * second) / DAY_S)) / 2.2;
    if (random(1_000) > 1_000 * share) continue;
    count++;
    const dpt = PORTS[random(100)] ?? (random(4) === 0 ? SIP : 1 + random(65_535));
    yield [second, packet(stranger(), dpt, dpt === SIP ? 'UDP' : 'TCP')];
  }
}

/** Few come often. */
function stranger() {
  const rank = Math.floor(2_000 ** (random(10_000) / 10_000));
  return `198.18.${rank >> 8}.${rank & 255}`;
}

function* scan() {
  const begin = SCAN.day * DAY_S + 6 * HOUR_S;
  for (let index = 0; index < SCAN.packets; index++) {
    yield [begin + Math.floor(index / 2), packet(SCAN.source, 1 + index * 13)];
  }
}

/** One each night, and two that lack the last step. */
function* knocks() {
  for (let day = 0; day < DAYS; day++) {
    const steps = day % 3 === 2 ? [SEQUENCE, SEQUENCE.slice(0, -1)] : [SEQUENCE];
    for (const [index, sequence] of steps.entries()) {
      const begin = day * DAY_S + (2 + index) * HOUR_S + 24 * 60;
      for (const [step, port] of sequence.entries()) {
        yield [begin + 2 * step, packet('192.0.2.10', port, step === 1 ? 'UDP' : 'TCP')];
      }
    }
  }
}

function packet(src, dpt, proto = 'TCP') {
  return { src, dpt, proto, spt: 1024 + random(60_000), id: random(65_536) };
}

async function draw() {
  // Chromium has no sandbox for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  for (const { file, width, height, colorScheme } of PICTURES) {
    const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
    await tab.goto(pathToFileURL(page).href);
    await tab.screenshot({ path: file });
  }
  await browser.close();
}
