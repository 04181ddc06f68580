/** Writes numbered lines to a log at a steady rate and rotates it the while, as a logger and logrotate would. */

import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LINES_PER_MS = 5;
const ROTATE_EACH_MS = 700;
const RUN_MS = 4_000;
/** What is written to the old file after it was renamed or deleted, as by a logger that was not told yet. */
const LATE_LINES = 20;
/** What nobody has read when a log is truncated is lost for every reader, so this writer rests before. */
const REST_MS = 100;

const [, , path = '', mode = ''] = process.argv;
let file = openSync(path, 'a');
let written = 0;
let rotations = 0;

/** @param {number} count */
function write(count) {
  let lines = '';
  for (let line = 0; line < count; line++) lines += `${written++} of the lines of the log\n`;
  writeSync(file, lines);
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
for (let ms = 0; ms < RUN_MS; ms = performance.now() - start) {
  if (ms > (rotations + 1) * ROTATE_EACH_MS) {
    rotations++;
    await rotate[mode]?.();
  }
  const due = Math.floor(ms * LINES_PER_MS) - written;
  if (due > 0) write(due);
  await sleep(1);
}
closeSync(file);
process.stdout.write(`${written} ${rotations}\n`);
