/** A real rsyslogd: what a local user can write into its files, and what cannot get past our rules for the kernel. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { doubtsOfFile } from '../../src/line/trust.ts';
import type { Packet } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { knocktail } from '../cli/terminal.ts';
import { describeWith } from '../lab/describe.ts';
import { ENV } from '../lab/needs.ts';
import { Lab, linesOf, SERVER, until } from '../lab.ts';

/** A datagram to syslog's socket; Node has none. */
const SEND =
  'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un($ARGV[0])) or die; send(S, $ARGV[1], 0)';

/** /proc/kmsg gives each line to one reader: test/lab/var-log.sh holds this, too. */
const KLOG_LOCK = '/run/knocktail-klog.lock';
const KLOG_LIMIT_MS = 50_000;

const FORGER = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', 'sh'];
/** As text, since that user may not read it. */
const OVERLAY = readFileSync('test/lab/overlay-line.sh', 'utf8');
/** What is left out by rsyslogText after a start. */
const BACKLOG_MS = 6_000;

describeWith(
  ['root', 'ip', 'iptables', 'kernel log', 'knock', 'rsyslogd', 'perl', 'setpriv', 'user namespaces'],
  'a log that rsyslog writes',
  () => {
    let lab: Lab;
    let rsyslogd: ChildProcess | null = null;

    beforeEach(async () => {
      lab = new Lab();
      await lab.logAndDrop();
    });
    afterEach(async () => {
      await end();
      await lab.close();
    });

    /** With rules that are given, and its usual ones. */
    async function start(rules: string, wrapper: readonly string[] = []): Promise<void> {
      const conf = join(lab.folder, 'rsyslog.conf');
      writeFileSync(
        conf,
        `global(workDirectory="${lab.folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${lab.folder}/log" RateLimit.Interval="0")
${rules}
kern.* action(type="omfile" file="${lab.folder}/shared.log" template="RSYSLOG_FileFormat")
`,
      );
      const [file = '', ...argv] = [
        ...wrapper,
        ...['rsyslogd', '-n', '-f', conf, '-i', join(lab.folder, 'pid')],
      ];
      rsyslogd = spawn(file, argv, { env: ENV, stdio: 'ignore' });
      await until(() => existsSync(join(lab.folder, 'log')), 'the socket of rsyslogd', KLOG_LIMIT_MS);
    }

    async function end(): Promise<void> {
      const exited = rsyslogd === null ? null : once(rsyslogd, 'exit');
      rsyslogd?.kill('SIGKILL');
      rsyslogd = null;
      await exited;
      rmSync(join(lab.folder, 'log'), { force: true });
    }

    function trusted(name: string): string[] {
      const found: Packet[] = [];
      const path = join(lab.folder, name);
      if (!existsSync(path)) return [];
      const scan = new PacketScan({ prefix: lab.prefix, live: true });
      scan.scan(readFileSync(path), Date.now() * 1000, (packet) => found.push(packet));
      return found.map(({ src, dpt }) => `${src} ${dpt}`);
    }

    const bodyFrom = (source: string) =>
      `${lab.prefix}IN=eth0 OUT= MAC= SRC=${source} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=7000 WINDOW=1 RES=0x00 SYN URGP=0 `;

    /** By the socket of syslog. */
    async function forgeBySocket(): Promise<void> {
      for (const head of [
        '<4>kernel: [    1.000000] ',
        '<4>Nov 21 00:00:00 kernel: [    1.000000] ',
        '<4>kernel: ',
        '<4>',
      ]) {
        const argv = ['-e', SEND, join(lab.folder, 'log'), `${head}${bodyFrom('192.0.2.66')}`];
        await promisify(execFile)('perl', argv);
      }
    }

    /** By a line feed in a message of the kernel. */
    async function forgeByOverlay(): Promise<void> {
      const [file = '', ...argv] = [...FORGER, '-c', OVERLAY, 'sh', bodyFrom('192.0.2.77')];
      await promisify(execFile)(file, argv, { env: ENV });
    }

    const knock = (...steps: readonly string[]) =>
      lab.exec('client', ['knock', '-d', '20', SERVER.v4, ...steps]);

    it('by way of /proc/kmsg has lines of any local user, even where it is for the kernel alone', async () => {
      const own = `module(load="imklog")
if $inputname == 'imklog' and $msg contains '${lab.prefix}' then action(type="omfile" file="${lab.folder}/own.log" template="RSYSLOG_FileFormat")`;
      await start(own, ['flock', '--no-fork', KLOG_LOCK]);
      await forgeBySocket();
      await forgeByOverlay();
      await knock('7001', '7002:udp');
      await until(
        () => trusted('own.log').length >= 3 && trusted('shared.log').length >= 5,
        'the lines of rsyslogd',
      );
      expect(trusted('own.log'), 'why the daemon warns of such a file').toEqual([
        '192.0.2.77 7000',
        '10.77.0.2 7001',
        '10.77.0.2 7002',
      ]);
      expect(trusted('shared.log'), 'and of such a one').toContain('192.0.2.66 7000');
    });

    it('by our rules has none, and each knock once, also when rsyslogd is started again', async () => {
      const config = join(lab.folder, 'knock.yaml');
      const log = `{ path: ${join(lab.folder, 'own.log')}, prefix: "${lab.prefix}" }`;
      writeFileSync(
        config,
        `log: ${log}\ndoors: { a: { sequence: [7001, 7003, 7002], open: { port: 22 } } }\n`,
      );
      const { stdout } = await knocktail(['rules', '-c', config, '--format', 'rsyslog']);
      await start(stdout);
      await sleep(BACKLOG_MS);
      await forgeBySocket();
      await forgeByOverlay();
      await knock('7001', '7002:udp');
      await until(() => trusted('own.log').length >= 2, 'the lines of rsyslogd');
      await end();
      await sleep(BACKLOG_MS);
      await start(stdout);
      await sleep(BACKLOG_MS);
      await forgeBySocket();
      await forgeByOverlay();
      await knock('7003');
      await until(() => trusted('own.log').includes('10.77.0.2 7003'), 'the line of the second rsyslogd');
      expect(trusted('own.log')).toEqual(['10.77.0.2 7001', '10.77.0.2 7002', '10.77.0.2 7003']);
      expect(linesOf(join(lab.folder, 'own.log'))).toHaveLength(3);
      expect(doubtsOfFile(join(lab.folder, 'own.log')).filter(({ isOfWriter }) => isOfWriter)).toEqual([]);
    }, 60_000);
  },
);
