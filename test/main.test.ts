/** The process around a command: its output, and signals. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder } from './lab/remove-folder.ts';
import { until } from './lab.ts';

const MAIN = 'dist/main.js';
const LINE =
  '2026-11-21T00:10:02.000000+00:00 vm kernel: [    1.000000] KNOCK IN=eth0 OUT= MAC= SRC=198.51.100.2 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=4000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 \n';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
});
afterAll(() => removeFolder(folder));

describe('a filter', () => {
  it.each([
    ['a full disk', 'schema > /dev/full', 74, /^the output cannot be written: ENOSPC[^\n]*\n$/],
    ['a disk that fills up', 'parse "$1" > /dev/full', 74, /^the output cannot be written: ENOSPC[^\n]*\n$/],
    ['a reader that leaves early', 'schema | head -c1', 0, /^$/],
    ['a reader that leaves in the middle', 'parse "$1" | head -c1', 0, /^$/],
  ])('is ended by %s with an exit code that says so', async (_, command, code, words) => {
    const log = join(folder, 'kern.log');
    writeFileSync(log, LINE.repeat(20_000));
    const script = `set -o pipefail; "$0" ${MAIN} ${command}`;
    const child = spawn('bash', ['-c', script, process.execPath, log], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text) => (said += text));
    expect((await once(child, 'close'))[0]).toBe(code);
    expect(said).toMatch(words);
  });
});

it.each(['SIGTERM', 'SIGINT'] as const)('%s ends a command that waits for a pipe', async (signal) => {
  const config = join(folder, 'knock.yaml');
  writeFileSync(config, 'doors: { ssh: { sequence: [1, 2, 3], open: { port: 22, for: 30s } } }\n');
  const child = spawn(process.execPath, [MAIN, 'explain', '-c', config], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  await until(() => said.includes('reading stdin'), 'it says what it reads');
  child.kill(signal);
  expect((await once(child, 'close'))[0]).toBe(1);
  expect(said).toContain('ended early');
  expect(said).not.toContain('0 lines read');
});

it('the first signal ends a command that waits for a pipe that nobody writes to', async () => {
  const pipe = join(folder, 'silent');
  spawnSync('mkfifo', [pipe]);
  const child = spawn(process.execPath, [MAIN, 'parse', pipe], { stdio: 'ignore' });
  // It listens to signals long before that.
  await sleep(2_000);
  child.kill('SIGINT');
  expect((await once(child, 'close'))[1]).toBe('SIGINT');
});

it('a pipe that is named is read to its end', async () => {
  const script = `"$0" ${MAIN} parse --json <(printf %s "$1")`;
  const { stdout, status } = spawnSync('bash', ['-c', script, process.execPath, LINE], { encoding: 'utf8' });
  expect([status, stdout.split('\n').length]).toEqual([0, 2]);
});

it.each(['check', 'run'])(
  '%s is ended by the second signal where it waits for a pipe that nobody writes to',
  async (command) => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const child = spawn(process.execPath, [MAIN, command, '-c', pipe], { stdio: 'ignore' });
    // It listens to signals by the time at which it reads.
    const writer = await open(pipe, 'w');
    await until(() => {
      child.kill('SIGINT');
      return child.signalCode !== null;
    }, 'it ends');
    expect(child.signalCode).toBe('SIGINT');
    await writer.close();
  },
);
