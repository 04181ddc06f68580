/** `UseSyslog` with a real syslog: what a filter for knockd finds there. */

import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../lab/describe.ts';
import { ENV } from '../../lab/needs.ts';
import { removeFolder } from '../../lab/remove-folder.ts';
import { linesOf } from '../../lab.ts';

const SCRIPT = fileURLToPath(new URL('../../lab/syslog.sh', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const LIMIT_MS = 30_000;

describeWith(['root', 'rsyslogd'], 'a real syslog', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  });
  afterEach(() => removeFolder(folder));

  it(
    'has the lines of the daemon as it has those of knockd: tag, facility, priority and words',
    async () => {
      const config = join(folder, 'knockd.conf');
      const log = join(folder, 'kern.log');
      writeFileSync(
        config,
        '[options]\nUseSyslog\n[a]\nsequence = 7000,8000:udp\nstart_command = echo %IP%\n',
      );
      const ip = 'KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1';
      const knocks = [
        `${ip} PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 `,
        `${ip} PROTO=UDP SPT=40001 DPT=8000 LEN=9 `,
      ];
      const stamp = new Date().toISOString().replace('Z', '000+00:00');
      writeFileSync(log, knocks.map((knock) => `${stamp} vm kernel: ${knock}\n`).join(''));
      // The daemon reads stdin, and ends with it.
      const daemon = [
        'sh',
        '-c',
        `"$0" "$1" run -c "$2" --log - --dry-run < "$3"`,
        process.execPath,
        MAIN,
        config,
        log,
      ];
      await promisify(execFile)('unshare', ['-m', SCRIPT, folder, ...daemon], {
        env: ENV,
        timeout: LIMIT_MS,
      });
      const told = linesOf(join(folder, 'syslog')).filter((line) => line.includes('knockd'));
      expect(told).toEqual(
        expect.arrayContaining([
          'daemon.notice knockd:  starting up, listening on any interface',
          'daemon.notice knockd:  192.0.2.7: a: Stage 1',
          'daemon.notice knockd:  192.0.2.7: a: Stage 2',
          'daemon.notice knockd:  192.0.2.7: a: OPEN SESAME',
          'daemon.notice knockd:  a: would run command: echo 192.0.2.7',
          'daemon.notice knockd:  shutting down',
        ]),
      );
    },
    LIMIT_MS,
  );
});
