/** A real rsyslogd: what a local user can write into its files, and what cannot get past its rule for the kernel. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { describeWith } from '../lab/describe.ts';
import { ENV } from '../lab/needs.ts';
import { Lab, linesOf, SERVER, until } from '../lab.ts';

/** A datagram to syslog's socket; Node has none. */
const SEND =
  'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un($ARGV[0])) or die; send(S, $ARGV[1], 0)';

/** /proc/kmsg gives each line to one reader: test/lab/var-log.sh holds this, too. */
const KLOG_LOCK = '/run/knocktail-klog.lock';
const KLOG_LIMIT_MS = 50_000;

describeWith(
  ['root', 'ip', 'iptables', 'kernel log', 'knock', 'rsyslogd', 'perl'],
  'a log that rsyslog writes',
  () => {
    let lab: Lab;
    let rsyslogd: ChildProcess;

    beforeEach(async () => {
      lab = new Lab();
      await lab.logAndDrop();
      const conf = join(lab.folder, 'rsyslog.conf');
      writeFileSync(
        conf,
        `global(workDirectory="${lab.folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${lab.folder}/log" RateLimit.Interval="0")
module(load="imklog")
if $inputname == 'imklog' and $msg contains '${lab.prefix}' then action(type="omfile" file="${lab.folder}/own.log" template="RSYSLOG_FileFormat")
kern.* action(type="omfile" file="${lab.folder}/shared.log" template="RSYSLOG_FileFormat")
`,
      );
      const argv = ['--no-fork', KLOG_LOCK, 'rsyslogd', '-n', '-f', conf, '-i', join(lab.folder, 'pid')];
      rsyslogd = spawn('flock', argv, { env: ENV, stdio: 'ignore' });
      await until(() => existsSync(join(lab.folder, 'log')), 'the socket of rsyslogd', KLOG_LIMIT_MS);
    });
    afterEach(async () => {
      rsyslogd.kill('SIGKILL');
      await once(rsyslogd, 'exit');
      await lab.close();
    });

    function trusted(name: string): string[] {
      const found: Packet[] = [];
      const path = join(lab.folder, name);
      if (!existsSync(path)) return [];
      const scan = new PacketScan({ prefix: lab.prefix, live: true });
      scan.scan(readFileSync(path), Date.now() * 1000, (packet) => found.push(packet));
      return found.map(({ src, dpt }) => `${src} ${dpt}`);
    }

    const forge = (head: string) => {
      const body = `${lab.prefix}IN=eth0 OUT= MAC= SRC=192.0.2.66 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=7000 WINDOW=1 RES=0x00 SYN URGP=0 `;
      return promisify(execFile)('perl', ['-e', SEND, join(lab.folder, 'log'), `${head}${body}`]);
    };

    it('by the kernel alone has no forged line; one that it shares with others has', async () => {
      await forge('<4>kernel: [    1.000000] ');
      await forge('<4>Nov 21 00:00:00 kernel: [    1.000000] ');
      await forge('<4>');
      await lab.exec('client', ['knock', '-d', '20', SERVER.v4, '7001', '7002:udp']);
      await until(
        () => trusted('own.log').length >= 2 && trusted('shared.log').length >= 3,
        'the lines of rsyslogd',
      );
      expect(trusted('own.log')).toEqual(['10.77.0.2 7001', '10.77.0.2 7002']);
      expect(linesOf(join(lab.folder, 'own.log'))).toHaveLength(2);
      expect(trusted('shared.log'), 'why the daemon warns of such a file').toContain('192.0.2.66 7000');
    });
  },
);
