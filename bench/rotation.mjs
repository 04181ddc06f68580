// Our reader and `tail` on the same log under rotation -> how many of its lines each loses.
// Usage: npm run bench:rotation. The writer is that of the tests: 5,000 numbered lines/s for 4 s, rotated each 0.7 s.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Tail } from 'tail';
import { followFile } from '../dist/line/file.js';

const WRITER = fileURLToPath(new URL('../test/line/writer.mjs', import.meta.url));
const MODES = ['rename', 'delete', 'copytruncate'];
/** Longer than any reader here waits before it goes over to a new file. */
const SETTLE_MS = 3_000;

/** @typedef {{ lines: Set<number>, stop: () => void }} Reader */

/** @type {Record<string, (path: string) => Reader>} */
const READERS = {
  knocktail: (path) => {
    const lines = new Set();
    const ending = new AbortController();
    const read = async () => {
      for await (const event of followFile(path, { from: 'end', signal: ending.signal })) {
        if (event.kind !== 'lines') continue;
        for (const line of event.bytes.toString().split('\n'))
          if (line !== '') lines.add(Number.parseInt(line, 10));
      }
    };
    void read();
    return { lines, stop: () => ending.abort() };
  },
  tail: (path) => withTail(path, {}),
  'tail, useWatchFile': (path) => withTail(path, { useWatchFile: true, fsWatchOptions: { interval: 100 } }),
};

/**
 * @param {string} path
 * @param {object} options
 * @returns {Reader}
 */
function withTail(path, options) {
  const lines = new Set();
  const tail = new Tail(path, options);
  tail.on('line', (/** @type {string} */ line) => lines.add(Number.parseInt(line, 10)));
  tail.on('error', () => undefined);
  return { lines, stop: () => tail.unwatch() };
}

const folder = mkdtempSync(join(tmpdir(), 'knocktail-bench-'));
process.stdout.write(
  `| reader | ${MODES.map((mode) => `lost at ${mode}`).join(' | ')} |\n|---|---|---|---|\n`,
);
for (const [name, start] of Object.entries(READERS)) {
  const lost = [];
  for (const mode of MODES) {
    const path = join(folder, `${mode}-${lost.length}-${name.replaceAll(/\W/g, '')}.log`);
    writeFileSync(path, '');
    const reader = start(path);
    await sleep(500);
    const { stdout } = await promisify(execFile)(process.execPath, [WRITER, path, mode]);
    await sleep(SETTLE_MS);
    reader.stop();
    const written = Number(stdout.split(' ')[0]);
    lost.push(`${written - reader.lines.size} of ${written}`);
  }
  process.stdout.write(`| ${name} | ${lost.join(' | ')} |\n`);
}
rmSync(folder, { recursive: true });
process.exit();
