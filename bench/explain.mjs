// Peak memory and CPU time of `explain` for a log in which every line is from another client.
// Usage: node bench/explain.mjs [LINES]

import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { run, scratch } from './measure.mjs';

const lines = Number(process.argv[2] ?? 900_000);
const PORTS = [4438, 1813, 8235];
const PEAK = `data:text/javascript,import{readFileSync}from'node:fs';process.on('exit',()=>console.error(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status','utf8'))[1]))`;

const folder = scratch();
const log = join(folder, 'kern.log');
const config = join(folder, 'knock.yaml');
writeFileSync(
  config,
  `log: { path: ${log}, prefix: "KNOCK " }\ndoors: { ssh: { sequence: [${PORTS}], seq_timeout: 5s, tcpflags: [syn], open: { port: 22, for: 30s } } }\n`,
  { mode: 0o600 },
);
const file = openSync(log, 'w');
for (let at = 0; at < lines; at++) writeSync(file, lineOf(at));
closeSync(file);

const { cpuS, stderr } = run([
  process.execPath,
  `--import=${PEAK}`,
  'dist/main.js',
  'explain',
  '-c',
  config,
  log,
]);
console.log(
  `explain: ${lines} lines, each from another client: ${cpuS.toFixed(1)} s of CPU, ${(Number(stderr) / 1024).toFixed(0)} MB at its peak`,
);

function lineOf(at) {
  const time = new Date(Date.UTC(2026, 0, 1) + at * 37).toISOString().replace('Z', '000+00:00');
  const source = `${11 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}.9`;
  const port = [...PORTS, 5000 + (at % 1000)][at % 4];
  return `${time} vm kernel: KNOCK IN=eth0 OUT= MAC= SRC=${source} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
}
