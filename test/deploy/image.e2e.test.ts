/** The container as deploy/compose.yaml has it, on a log that rsyslog writes and logrotate rotates. */

import { type ChildProcess, type ExecFileException, execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { describeWith } from '../lab/describe.ts';
import { ENV } from '../lab/needs.ts';
import { Lab, SERVER, until } from '../lab.ts';

const IMAGE = 'localhost/knocktail:test';
const BUILD_LIMIT_MS = 900_000;
/** Debian's group of those who may read logs. */
const ADM = 4;
const LOG = '/var/log/knock.log';
const MAIN = resolve('dist/main.js');
const VAR_LOG = resolve('test/lab/var-log.sh');
/** Another test may have the kernel's log for itself meanwhile. */
const KLOG_LIMIT_MS = 60_000;
const KNOCK = ['4438', '1813:udp', '8235'];
const ROUNDS = 30;
const BERLIN = '/usr/share/zoneinfo/Europe/Berlin';

/** What of compose.yaml is carried over to podman; a key that is not here makes the test fail. */
const compose = z.strictObject({
  services: z.strictObject({
    knocktail: z.strictObject({
      build: z.literal('..'),
      image: z.literal('knocktail'),
      network_mode: z.literal('host'),
      restart: z.string(),
      read_only: z.literal(true),
      security_opt: z.tuple([z.literal('no-new-privileges:true')]),
      cap_drop: z.tuple([z.literal('ALL')]),
      cap_add: z.tuple([z.literal('NET_ADMIN')]),
      group_add: z.tuple([z.literal(String(ADM))]),
      tmpfs: z.array(z.string()),
      volumes: z.array(z.string()),
    }),
  }),
  volumes: z.strictObject({ state: z.null() }),
});

const needed = ['root', 'ip', 'nft', 'kernel log', 'knock', 'rsyslogd', 'logrotate', 'image'] as const;
describeWith(needed, 'the container', () => {
  let lab: Lab;
  let name: string;
  let rsyslogd: ChildProcess;
  const folderOf = (part: string) => join(lab.folder, part);

  beforeAll(async () => {
    execFileSync('test/deploy/build-image.sh', {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: BUILD_LIMIT_MS,
    });
    lab = new Lab();
    name = lab.namespace('server');
    await lab.logAndDrop('nft');
    await lab.listen(22);
    chmodSync(lab.folder, 0o755);
    for (const part of ['etc', 'state', 'log', 'rsyslog.d']) mkdirSync(folderOf(part));
    const door = `{ sequence: [${KNOCK}], seq_timeout: 15s, open: { port: 22, for: 60s } }`;
    const log = `log: { path: ${LOG}, prefix: "${lab.prefix}" }`;
    writeFileSync(join(folderOf('etc'), 'knock.yaml'), `${log}\nsweep_guard: 0\ndoors: { ssh: ${door} }\n`, {
      mode: 0o600,
    });
    for (const [format, path] of [
      ['rsyslog', 'rsyslog.d/knock.conf'],
      ['logrotate', 'logrotate.conf'],
    ] as const) {
      writeFileSync(folderOf(path), rules(format), { mode: 0o644 });
    }
    rsyslogd = lab.spawn('server', ['unshare', '-m', VAR_LOG, lab.folder]);
    await until(() => existsSync(folderOf('rsyslogd.pid')), 'a running rsyslogd', KLOG_LIMIT_MS);
    const { status, stderr } = await podman('run', '-d', '--name', name, ...fromCompose(), IMAGE);
    expect(status, stderr).toBe(0);
    await says(/\bready: /);
  }, BUILD_LIMIT_MS);

  afterAll(async () => {
    await podman('rm', '-f', '-t', '1', name);
    await lab.close();
  });

  function fromCompose(): string[] {
    const { services } = compose.parse(load(readFileSync('deploy/compose.yaml', 'utf8')));
    const { cap_drop, cap_add, security_opt, group_add, tmpfs, volumes } = services.knocktail;
    const folders: Record<string, string> = {
      '/etc/knocktail': folderOf('etc'),
      '/var/log': folderOf('log'),
      '/etc/localtime': realpathSync('/etc/localtime'),
      state: folderOf('state'),
    };
    const mount = (volume: string) => {
      const [from = '', ...rest] = volume.split(':');
      return [folders[from] ?? expect.fail(`no folder for ${from}`), ...rest].join(':');
    };
    const each = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value]);
    return [
      ...['--network', `ns:/run/netns/${name}`, '--read-only', '--read-only-tmpfs=false'],
      ...each('--cap-drop', cap_drop),
      ...each('--cap-add', cap_add),
      ...each(
        '--security-opt',
        security_opt.map((option) => option.replace(':true', '')),
      ),
      ...each('--group-add', group_add),
      ...each('--tmpfs', tmpfs),
      ...each('--volume', volumes.map(mount)),
    ];
  }

  const says = (text: RegExp) =>
    until(async () => {
      const { stdout, stderr } = await podman('logs', name);
      return text.test(stdout + stderr);
    }, `${text} in the log of the container`);
  const knock = (...ports: readonly string[]) => lab.exec('client', ['knock', SERVER.v4, ...ports]);
  const rules = (format: string) =>
    execFileSync(process.execPath, [MAIN, 'rules', '-c', folderOf('etc/knock.yaml'), '--format', format]);
  const logged = () =>
    until(() => statSync(folderOf('log/knock.log')).size > 0, 'a line of rsyslogd in the newest log');
  /** As cron.daily does it, on the host: with the printed file, which tells rsyslogd. */
  async function rotate(): Promise<void> {
    const logrotate = ['logrotate', '-f', '-s', folderOf('rotated'), folderOf('logrotate.conf')];
    const { status, stderr } = await lab.exec('server', [
      'nsenter',
      '-t',
      String(rsyslogd.pid),
      '-m',
      ...logrotate,
    ]);
    expect(status, stderr).toBe(0);
  }
  const inside = (...argv: readonly string[]) => podman('exec', name, 'knocktail', ...argv);

  it('has one capability, no more files to write than it needs, and no programs of the build', async () => {
    const { stdout } = await podman('exec', name, 'cat', '/proc/1/status', '/proc/1/comm');
    expect(stdout).toMatch(/^CapEff:\s0000000000001000$/m);
    expect(stdout).toMatch(/\ntini\n$/);
    expect((await podman('exec', name, 'touch', '/opt/knocktail/x')).status).not.toBe(0);
    const { stdout: home } = await podman('exec', name, 'ls', '/opt/knocktail');
    expect(home.split('\n').filter(Boolean)).toEqual(['dist', 'knock.schema.json', 'package.json']);
  });

  it('opens the port to a knock, and says that it is well', async () => {
    expect((await lab.connect('client', SERVER.v4, 22)).outcome).toBe('dropped');
    await knock(...KNOCK);
    await says(/: opened /);
    expect((await lab.connect('client', SERVER.v4, 22)).outcome).toBe('open');
    expect((await podman('healthcheck', 'run', name)).status).toBe(0);
    expect((await inside('doctor')).stdout).not.toContain('FAIL');
  });

  it('misses no knock of a log that is rotated after each step, and meanwhile', async () => {
    const opened = async () =>
      (await podman('logs', name)).stdout.match(/: opened |is already open for /g)?.length ?? 0;
    const before = await opened();
    for (let round = 0; round < ROUNDS; round++) {
      for (const port of KNOCK) {
        if (round % 2 === 0) await knock(port).then(logged).then(rotate);
        else await Promise.all([knock(port), rotate()]);
      }
      await until(async () => (await opened()) === before + round + 1, `the opening of round ${round}`);
    }
    expect((await podman('logs', name)).stdout).not.toMatch(/reset|ended/);
    expect(readdirSync(folderOf('log'))).toEqual(
      expect.arrayContaining(['knock.log', 'knock.log.1', 'knock.log.7.gz']),
    );
  });

  it.skipIf(!existsSync(BERLIN))('reads stamps in the zone of the host', () => {
    const line = `Nov 26 22:10:11 vm kernel: [    1.000000] KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=4438 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
    const argv = ['run', '--rm', '-i', '--network=none', '-v', `${BERLIN}:/etc/localtime:ro`, IMAGE];
    const shown = execFileSync('podman', [...argv, 'parse', '--json', '-'], {
      env: { ...ENV, CONTAINERS_CONF: resolve('test/deploy/containers.conf') },
      input: line,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(JSON.parse(shown)).toMatchObject({ time: expect.stringContaining('-26T21:10:11.000000Z') });
  });

  it('ends at TERM by itself', async () => {
    await podman('stop', '-t', '2', name);
    const { stdout } = await podman('inspect', '-f', '{{.State.ExitCode}}', name);
    expect(stdout.trim()).toBe('0');
  });
});

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function podman(...argv: readonly string[]): Promise<Ran> {
  const options = { env: { ...ENV, CONTAINERS_CONF: 'test/deploy/containers.conf' }, timeout: 60_000 };
  return new Promise((resolve) => {
    execFile('podman', argv, options, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
