/** The daemon on a real journal: what the kernel says opens a door, what root or a user says does not. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { ENV } from '../lab/needs.ts';
import { Lab, SERVER, until } from '../lab.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The command line that follows finds a journalctl that takes its time. */
const LATE = fileURLToPath(new URL('../lab/late-journalctl.sh', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../lab/journal.sh', import.meta.url));
/** A line of a message of the kernel's, by a user without rights. */
const OVERLAY = readFileSync('test/lab/overlay-line.sh', 'utf8');
const FORGER = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'sh', '-c', OVERLAY, 'sh'];

describeWith(
  ['root', 'ip', 'iptables', 'kernel log', 'knock', 'journald'],
  'where there is a journal',
  () => {
    let lab: Lab;
    let daemon: ChildProcess | null = null;
    beforeEach(async () => {
      lab = new Lab();
      await lab.logAndDrop();
    });
    afterEach(async () => {
      daemon?.kill('SIGKILL');
      await lab.close();
    });

    it.each([
      ['from: journal', 'journal', 'the journal', []],
      ['from: auto', 'auto', '/dev/kmsg', []],
      ['from a journalctl that follows late', 'journal', 'the journal', [LATE]],
    ] as const)('%s opens a door to a knock, and not to forged entries', async (_, from, source, before) => {
      const config = join(lab.folder, 'knock.yaml');
      const door = 'ssh: { sequence: [4438, 1813:udp, 8235], seq_timeout: 5s, open: { port: 22, for: 30s } }';
      writeFileSync(
        config,
        `log: { from: ${from}, prefix: "${lab.prefix}" }\nstate: state\ndoors: { ${door} }\n`,
      );
      let said = '';
      const inside = [...before, 'ip', ...lab.argv('server', [process.execPath, MAIN, 'run', '-c', config])];
      const child = spawn('unshare', ['-m', '-p', '-f', '--kill-child', SCRIPT, ...inside], { env: ENV });
      daemon = child;
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
      await until(() => said.includes(`${source}: reading`) && said.includes('ready'), 'the daemon is ready');

      const kmsg = openSync('/dev/kmsg', 'w');
      for (const [proto, port] of [
        ['TCP', 4438],
        ['UDP', 1813],
        ['TCP', 8235],
      ] as const) {
        const rest = proto === 'TCP' ? 'WINDOW=1 RES=0x00 SYN URGP=0 ' : 'LEN=9 ';
        const ip = 'SRC=192.0.2.66 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1';
        const body = `${lab.prefix}IN=eth0 OUT= MAC= ${ip} PROTO=${proto} SPT=1 DPT=${port} ${rest}`;
        writeSync(kmsg, `<4>${body}\n`);
        await promisify(execFile)('setpriv', [...FORGER, body], { env: ENV });
      }
      await lab.exec('client', ['knock', '-d', '20', SERVER.v4, '4438', '1813:udp', '8235']);
      await until(() => /ssh: opened 22\/tcp for 10\.77\.0\.2 /.test(said), 'the door is open');
      expect(said).not.toContain('192.0.2.66');
    });
  },
);
