/** A recorded knock, written to a log file in real time -> the rules that the daemon would set. */

import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAEMON, ShownDaemon, show, step } from './daemon.ts';

const OPEN_SECONDS = 3;
const PACE_MS = 300;
/** As the kernel's LOG target wrote them (Linux 6.18), without their stamps. */
const RECORDED = [
  'PROTO=TCP SPT=40000 DPT=4438 WINDOW=64240 RES=0x00 SYN URGP=0 ',
  'PROTO=UDP SPT=40001 DPT=1813 LEN=9 ',
  'PROTO=TCP SPT=40002 DPT=8235 WINDOW=64240 RES=0x00 SYN URGP=0 ',
];

export async function runInFile(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-demo-'));
  const log = join(folder, 'kern.log');
  const config = join(folder, 'knock.yaml');
  writeFileSync(log, '');
  writeFileSync(config, configFor(log), { mode: 0o600 });
  try {
    step('The daemon starts, with a firewall that prints what it would do.');
    const argv = [DAEMON, 'run', '-c', config, '--dry-run'];
    const daemon = new ShownDaemon(spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await daemon.says('ready');
    step('A knock appears in the log, packet by packet:');
    for (const [index, packet] of RECORDED.entries()) {
      const line = logLine(index, packet);
      show('kern.log', line);
      appendFileSync(log, `${line}\n`);
      await sleep(PACE_MS);
    }
    await daemon.says(': opened ');
    step(`The door closes after ${OPEN_SECONDS} seconds.`);
    await daemon.says(': closed ');
    await daemon.end();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function configFor(log: string): string {
  return `
log: { path: ${JSON.stringify(log)}, prefix: "KNOCK " }
doors:
  ssh:
    sequence: [4438, 1813:udp, 8235]
    seq_timeout: 5s
    open: { port: 22, for: ${OPEN_SECONDS}s }
`;
}

function logLine(index: number, packet: string): string {
  const now = new Date().toISOString().replace('Z', '000+00:00');
  const address = `SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${4711 + index} DF`;
  return `${now} gate kernel: KNOCK IN=eth0 OUT= MAC=02:00:00:00:00:0b:02:00:00:00:00:0a:08:00 ${address} ${packet}`;
}
