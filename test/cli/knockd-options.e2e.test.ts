/** knockd's options, on `knocktail run` and when the program is called as `knockd`; all of it without root. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../lab/remove-folder.ts';
import { until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
const DOORS = '[a]\n\tsequence = 7000,8000:udp\n\tstart_command = echo %IP%\n';

let folder: string;
let log: string;
let config: string;
let pids: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  log = join(folder, 'kern.log');
  config = join(folder, 'knockd.conf');
  pids = [];
  writeFileSync(log, '');
  writeFileSync(config, DOORS);
});
afterEach(() => {
  for (const pid of pids) endProcess(pid);
  removeFolder(folder);
});

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
}

/** A daemon in the foreground, ready, and what it says on stdout. */
async function start(
  ...options: string[]
): Promise<{ child: ChildProcess; says(text: RegExp): Promise<unknown>; said(): string }> {
  return startAs(MAIN, 'run', '-c', config, '--log', log, '--dry-run', ...options);
}

async function startAs(...argv: string[]) {
  let said = '';
  const child = spawn(process.execPath, argv, { cwd: folder });
  if (child.pid !== undefined) pids.push(child.pid);
  child.stdout.on('data', (text) => (said += text));
  const says = (text: RegExp) => until(() => said.match(text), `the daemon says ${text}`);
  await says(/\bready: /);
  return { child, says, said: () => said };
}

async function end(child: ChildProcess): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  return (await ended)[0];
}

function knock({ src = '192.0.2.7', input = 'eth0' } = {}): void {
  const ip = src.includes(':')
    ? `SRC=${src} DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=1`
    : `SRC=${src} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1`;
  const ends = [
    'PROTO=TCP SPT=40000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 ',
    'PROTO=UDP SPT=40001 DPT=8000 LEN=9 ',
  ];
  for (const rest of ends) {
    const stamp = new Date().toISOString().replace('Z', '000+00:00');
    appendFileSync(log, `${stamp} vm kernel: KNOCK IN=${input} OUT= MAC= ${ip} ${rest}\n`);
  }
}

const STAMP = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d\]`;

describe('where the daemon tells what it does', () => {
  it('without a log file, on stdout', async () => {
    const { child, says } = await start();
    knock();
    await says(/^192\.0\.2\.7: a: OPEN SESAME$/m);
    expect(await end(child)).toBe(0);
  });

  it('-g: in that file, in the words and the form of knockd, and not on stdout', async () => {
    const { child, said } = await start('-g', 'knockd.log', '-i', 'eth0');
    knock();
    const file = () => readFileSync(join(folder, 'knockd.log'), 'utf8');
    await until(() => /would run/.test(file()), 'the command is told');
    expect(await end(child)).toBe(0);
    expect(
      file()
        .split('\n')
        .map((line) => line.replace(new RegExp(`^${STAMP} `), '> ')),
    ).toEqual(
      expect.arrayContaining([
        '> starting up, listening on eth0',
        '> 192.0.2.7: a: Stage 1',
        '> 192.0.2.7: a: Stage 2',
        '> 192.0.2.7: a: OPEN SESAME',
        '> a: would run command: echo 192.0.2.7',
        '> shutting down',
      ]),
    );
    expect(said()).not.toContain('Stage');
  });

  it('-v: on stdout as well', async () => {
    const { says } = await start('-g', 'knockd.log', '-v');
    knock();
    await says(/^192\.0\.2\.7: a: OPEN SESAME$/m);
  });

  it('LogFile in the configuration counts more than -g', async () => {
    writeFileSync(config, `[options]\nlogfile = own.log\n${DOORS}`);
    await start('-g', 'other.log');
    expect(existsSync(join(folder, 'own.log'))).toBe(true);
    expect(existsSync(join(folder, 'other.log'))).toBe(false);
  });

  it('after logrotate and HUP in a new file', async () => {
    const { child } = await start('-g', 'knockd.log');
    rmSync(join(folder, 'knockd.log'));
    child.kill('SIGHUP');
    const file = join(folder, 'knockd.log');
    await until(
      () => existsSync(file) && readFileSync(file, 'utf8').includes(`re-reading config file: ${config}`),
      'a new file',
    );
  });

  it('a log file that cannot be written keeps it from starting', async () => {
    const argv = [MAIN, 'run', '-c', config, '--log', log, '--dry-run', '-g', '/nonexistent/x.log'];
    const { code, stderr } = await finished(argv);
    expect([code, stderr]).toEqual([
      74,
      expect.stringContaining('/nonexistent/x.log: the log file cannot be opened'),
    ]);
  });

  it('-l: with the name behind the address', async () => {
    const { says } = await start('-l');
    knock({ src: '127.0.0.1' });
    await says(/^127\.0\.0\.1 \(\S+\): a: OPEN SESAME$/m);
  });

  it('-D: each packet that counts, too', async () => {
    const { says } = await start('-D');
    knock();
    await says(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d {2}192\.0\.2\.7:40000 -> 192\.0\.2\.1:7000 tcp SYN$/m);
    await says(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d {2}192\.0\.2\.7:40001 -> 192\.0\.2\.1:8000 udp$/m);
  });
});

describe('what counts', () => {
  it('-i: packets of that interface, whatever the configuration says', async () => {
    writeFileSync(config, `[options]\ninterface = eth1\n${DOORS}`);
    const { says, said } = await start('-i', 'eth2');
    knock({ src: '192.0.2.1', input: 'eth1' });
    knock({ src: '192.0.2.2', input: 'eth2' });
    await says(/192\.0\.2\.2: a: OPEN SESAME/);
    expect(said()).not.toContain('192.0.2.1: a');
  });

  it('-i any: packets of every interface', async () => {
    writeFileSync(config, `[options]\ninterface = eth1\n${DOORS}`);
    const { says } = await start('-i', 'any');
    knock({ input: 'eth2' });
    await says(/192\.0\.2\.7: a: OPEN SESAME/);
  });

  it('-4: packets over IPv4', async () => {
    const { says, said } = await start('-4');
    knock({ src: '2001:0db8:0000:0000:0000:0000:0000:0007' });
    knock();
    await says(/192\.0\.2\.7: a: OPEN SESAME/);
    expect(said()).not.toContain('2001:db8::7: a');
  });
});

describe('-d', () => {
  const pidfile = () => join(folder, 'knockd.pid');
  const argv = (...more: string[]) => [
    'run',
    '-c',
    'knockd.conf',
    '--log',
    'kern.log',
    '--dry-run',
    '-d',
    ...more,
  ];

  it('comes back when the daemon is ready in the background, its process id in the file', async () => {
    const { code, stdout, stderr } = await finished([MAIN, ...argv('-p', 'knockd.pid', '-g', 'knockd.log')]);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).not.toContain('error');
    const pid = Number(readFileSync(pidfile(), 'utf8'));
    pids.push(pid);
    knock();
    const file = join(folder, 'knockd.log');
    await until(() => readFileSync(file, 'utf8').includes('OPEN SESAME'), 'the daemon works');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5], 'a session of its own').toBe(String(pid));
    process.kill(pid, 'SIGTERM');
    await until(() => !existsSync(pidfile()), 'the file is gone with the daemon');
    await until(() => readFileSync(file, 'utf8').includes('shutting down'), 'an orderly end');
  });

  it('tells on the foreground why the daemon did not start', async () => {
    writeFileSync(config, '[a]\nsequence = 70000\n');
    const { code, stderr } = await finished([MAIN, ...argv('-p', 'knockd.pid')]);
    expect([code, stderr]).toEqual([78, expect.stringContaining('knockd.conf:2:1: not a port (70000)')]);
    expect(existsSync(pidfile())).toBe(false);
  });

  it('does not start on stdin, which ends with the foreground', async () => {
    const { code, stderr } = await finished([
      MAIN,
      'run',
      '-c',
      'knockd.conf',
      '--log',
      '-',
      '--dry-run',
      '-d',
    ]);
    expect([code, stderr]).toEqual([64, expect.stringContaining('leave out -d')]);
  });

  it('does not start where the file of the process id cannot be written', async () => {
    const { code, stderr } = await finished([MAIN, ...argv('-p', '/nonexistent/x.pid')]);
    expect([code, stderr]).toEqual([
      74,
      expect.stringContaining('/nonexistent/x.pid: the pid file cannot be written'),
    ]);
  });
});

describe('called as knockd', () => {
  const asKnockd = () => {
    const link = join(folder, 'knockd');
    if (!existsSync(link)) symlinkSync(MAIN, link);
    return link;
  };

  it('it is the daemon', async () => {
    const { child, says } = await startAs(asKnockd(), '-c', config, '--log', log, '--dry-run', '-v');
    knock();
    await says(/^192\.0\.2\.7: a: OPEN SESAME$/m);
    expect(await end(child)).toBe(0);
  });

  it('its configuration is knockd.conf where knockd has it', async () => {
    const { code, stdout } = await finished([asKnockd(), '-h']);
    expect(code).toBe(0);
    for (const option of ['-i', '-d', '-c', '-D', '-l', '-v', '-V', '-h', '-p', '-g', '-4']) {
      expect(stdout).toMatch(new RegExp(`^  ${option}, --`, 'm'));
    }
    expect(stdout).toContain('/etc/knockd.conf');
  });

  it('a symlink to it runs by itself', async () => {
    const { code, stderr } = await finished([
      '-e',
      `process.exit(require('child_process').spawnSync('${asKnockd()}', ['-V']).status)`,
    ]);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('-V: the version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await finished([asKnockd(), '-V'])).toMatchObject({ code: 0, stdout: `knocktail ${version}\n` });
    expect(await finished([MAIN, 'run', '-V'])).toMatchObject({ code: 0, stdout: `knocktail ${version}\n` });
  });

  it('an unknown option is answered with 64', async () => {
    expect(await finished([asKnockd(), '--frob'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('--frob'),
    });
  });
});

function finished(argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      });
    });
  });
}
