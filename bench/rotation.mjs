// A log under rotation, six times in 8 s at 5,000 lines/s -> how many of its lines `parse --follow` and `tail` lose.
// Usage: node bench/rotation.mjs. The writer is that of the tests.

import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Tail } from 'tail';
import { scratch, table } from './measure.mjs';

const WRITER = fileURLToPath(new URL('../test/source/writer.mjs', import.meta.url));
const RUN_MS = 8_000;
/** Of the last, the file is not there when the reader starts. */
const MODES = ['rename', 'copytruncate', 'delete', 'absent'];
/** Longer than any reader here waits before it goes over to a new file. */
const SETTLE_MS = 6_000;
const folder = scratch();

/** Starts a reader that hands on the number of each line. */
const READERS = {
  'knocktail parse --follow': (path, take) => {
    const child = spawn(process.execPath, ['dist/main.js', 'parse', '--json', '--follow', path]);
    createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line).id));
    return () => child.kill('SIGTERM');
  },
  tail: (path, take) => withTail(path, take, {}),
  'tail, useWatchFile': (path, take) =>
    withTail(path, take, { useWatchFile: true, fsWatchOptions: { interval: 100 } }),
};

function withTail(path, take, options) {
  const tail = new Tail(path, options);
  tail.on('line', (line) => take(Number(/ ID=(\d+)/.exec(line)?.[1])));
  tail.on('error', () => undefined);
  return () => tail.unwatch();
}

async function lostBy(start, name, mode) {
  const path = join(folder, `${name.replaceAll(/\W/g, '')}-${mode}.log`);
  if (mode !== 'absent') writeFileSync(path, '');
  const seen = new Set();
  let count = 0;
  let stop;
  try {
    stop = start(path, (number) => {
      seen.add(number);
      count++;
    });
  } catch {
    return 'ends';
  }
  await sleep(1_000);
  const { stdout } = await promisify(execFile)(process.execPath, [
    WRITER,
    path,
    mode === 'absent' ? 'rename' : mode,
    String(RUN_MS),
    'kernel',
  ]);
  await sleep(SETTLE_MS);
  stop();
  const written = Number(stdout.split(' ')[0]);
  const doubled = count - seen.size;
  return `${written - seen.size} of ${written}${doubled > 0 ? `, ${doubled} twice` : ''}`;
}

const rows = [['reader', ...MODES.map((mode) => `lost, ${mode}`)]];
for (const [name, start] of Object.entries(READERS)) {
  rows.push([name, ...(await Promise.all(MODES.map((mode) => lostBy(start, name, mode))))]);
}
console.log('rotation: 5,000 lines/s, 6 rotations in 8 s');
table(rows);
process.exit();
