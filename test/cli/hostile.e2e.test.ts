/** The daemon on a log of rubbish: it stays alive, stays small, and opens to the next right knock. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeFolder } from '../lab/remove-folder.ts';
import { until } from '../lab.ts';

const MB = 1024 * 1024;
const MOST_MB = 150;
const LIMIT_MS = 60_000;
const BODY =
  'IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 ';

let folder: string;
let log: string;
let daemon: ChildProcess;
let said: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  log = join(folder, 'kern.log');
  const config = join(folder, 'knock.yaml');
  writeFileSync(log, '');
  writeFileSync(
    config,
    `log: { path: ${log} }\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 60s } } }\n`,
  );
  daemon = spawn(process.execPath, ['dist/main.js', 'run', '-c', config, '--dry-run']);
  said = '';
  // Of a flood the end is enough.
  for (const stream of [daemon.stdout, daemon.stderr])
    stream?.on('data', (text) => (said = `${said}${text}`.slice(-MB)));
  await until(() => said.includes('ready'), 'the daemon is ready');
});
afterEach(async () => {
  const ended = once(daemon, 'exit');
  daemon.kill('SIGKILL');
  await ended;
  removeFolder(folder);
});

function line(port: number, proto = 'TCP', source = '192.0.2.7'): string {
  const stamp = new Date().toISOString().replace('Z', '000+00:00');
  const body = BODY.replace('192.0.2.7', source).replace('DPT=7000', `DPT=${port}`);
  const packet =
    proto === 'TCP' ? body : body.replace('PROTO=TCP', 'PROTO=UDP').replace(/WINDOW.*/, 'LEN=9 ');
  return `${stamp} vm kernel: KNOCK ${packet}\n`;
}

async function opensAndIsSmall(): Promise<void> {
  // The source of the damaged lines has sent too many packets to ports of no door to be heard at once.
  const knocker = '192.0.2.8';
  appendFileSync(log, line(4438, 'TCP', knocker) + line(1813, 'UDP', knocker) + line(8235, 'TCP', knocker));
  await until(() => said.includes(`ssh: opened 22/tcp for ${knocker} `), 'the door opens', LIMIT_MS);
  expect(daemon.exitCode).toBeNull();
  const peakKb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1];
  expect(Number(peakKb) / 1024).toBeLessThan(MOST_MB);
}

it.each([
  ['20 MB of random bytes', () => randomBytes(20 * MB)],
  ['20 MB of NULs', () => Buffer.alloc(20 * MB)],
  ['a line of 100 MB', () => Buffer.alloc(100 * MB, 'KNOCK IN=eth0 ')],
  [
    '100,000 lines with a wrong bit each',
    () => Buffer.concat(Array.from({ length: 100_000 }, (_, index) => flipped(line(7000), index))),
  ],
  [
    '100,000 first knocks of as many sources',
    () =>
      Buffer.from(
        Array.from({ length: 100_000 }, (_, index) =>
          line(4438, 'TCP', `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`),
        ).join(''),
      ),
  ],
])(
  '%s',
  async (_, make) => {
    appendFileSync(log, make());
    appendFileSync(log, '\n');
    await opensAndIsSmall();
  },
  LIMIT_MS * 2,
);

function flipped(text: string, index: number): Buffer {
  const bytes = Buffer.from(text);
  const at = (index * 7919) % (bytes.length - 1);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (index % 8));
  return bytes;
}
