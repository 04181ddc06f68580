/**
 * Writes numbered lines to a log at a steady rate and rotates it the while, as a logger and logrotate would.
 * Usage: node writer.mjs PATH MODE [MS [kernel]]: how long, and whether lines are those of LOG rules, the number in ID.
 */

import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LINES_PER_MS = 5;
const ROTATIONS = 6;
/** What is written to the old file after it was renamed or deleted, as by a logger that was not told yet. */
const LATE_LINES = 20;
/** What nobody has read when a log is truncated is lost for every reader, so this writer rests before. */
const REST_MS = 100;

const [, , path = '', mode = '', ms = '4000', spelling = ''] = process.argv;
const runMs = Number(ms);
const rotateEachMs = runMs / (ROTATIONS + 0.5);
let file = openSync(path, 'a');
let written = 0;
let rotations = 0;

/** @param {number} count */
function write(count) {
  let lines = '';
  for (let line = 0; line < count; line++)
    lines += spelling === 'kernel' ? logLine(written++) : `${written++} of the lines of the log\n`;
  writeSync(file, lines);
}

/** @param {number} number */
function logLine(number) {
  const uptime = (1000 + number / 5000).toFixed(6).padStart(12);
  return `${new Date().toISOString()} vm kernel: [${uptime}] KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${number % 65_536} DF PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
}

/** @param {() => void} takeAway */
function makeAnew(takeAway) {
  takeAway();
  write(LATE_LINES);
  const old = file;
  file = openSync(path, 'a');
  closeSync(old);
}

/** @type {Record<string, () => Promise<void> | void>} */
const rotate = {
  rename: () => makeAnew(() => renameSync(path, `${path}.${rotations}`)),
  delete: () => makeAnew(() => unlinkSync(path)),
  copytruncate: async () => {
    await sleep(REST_MS);
    copyFileSync(path, `${path}.1`);
    ftruncateSync(file);
  },
};

const start = performance.now();
for (let ms = 0; ms < runMs; ms = performance.now() - start) {
  if (ms > (rotations + 1) * rotateEachMs) {
    rotations++;
    await rotate[mode]?.();
  }
  const due = Math.floor(ms * LINES_PER_MS) - written;
  if (due > 0) write(due);
  await sleep(1);
}
closeSync(file);
process.stdout.write(`${written} ${rotations}\n`);
