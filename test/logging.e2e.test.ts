/** What a daemon tells, and who can read it: people, programs, the journal and fail2ban. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knocktail } from './cli/terminal.ts';
import { describeWith } from './lab/describe.ts';
import { scratchFolder } from './lab/scratch-folder.ts';
import { Served } from './lab/served.ts';
import { linesOf, until } from './lab.ts';

const FILTER = resolve('deploy/fail2ban/knocktail.conf');
/** Ahead of each line of the console. */
const TIME = /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d /;
const DOOR = {
  ssh: 'sequence: [7000, 8000, 9000], seq_timeout: 1s, trap: [6666], open: { port: 22, for: 1h }',
};

describe('a daemon', () => {
  let served: Served;
  let logfile: string;
  beforeEach(() => {
    served = new Served();
    logfile = join(served.folder, 'knocktail.log');
  });
  afterEach(() => served.close());

  const start = async (settings: string, ...options: string[]): Promise<void> => {
    served.configure(DOOR, `state: ${served.state}\n${settings}`);
    // Most tests want no guard.
    writeFileSync(
      served.config,
      readFileSync(served.config, 'utf8').replace('sweep_guard: 0', 'sweep_guard: 4'),
    );
    await served.start('-D', ...options);
  };
  /** Three of them: a sweep, a trap, and one step too few. */
  const comeNear = async (isKnockd = false): Promise<void> => {
    served.knock('192.0.2.9', 1, 2, 3, 4, 5, 6);
    served.knock('192.0.2.8', 6666);
    served.knock('192.0.2.7', 7000, 8000, 7000);
    served.knock('192.0.2.1', 7000, 8000, 9000);
    await served.says(/opened 22\/tcp/);
    // To knockd a repeated knock is a wrong one, and to us no knock: time ends that attempt.
    if (!isKnockd) await served.says(/timeout at stage 2 of 3/);
  };

  it('tells near misses in lines of their own', async () => {
    await start('');
    await comeNear();
    expect(served.said.match(/^.*near miss.*$/gm)?.map((line) => line.replace(TIME, ''))).toEqual([
      '192.0.2.9: near miss: port sweep',
      '192.0.2.8: near miss: ssh: touched a trap',
      '192.0.2.7: near miss: ssh: 2 of 3 steps',
    ]);
  });

  it('tells a knock in one line, unless it is asked for more', async () => {
    served.configure(DOOR);
    await served.start();
    const before = served.said.length;
    served.knock('192.0.2.1', 7000, 8000, 9000);
    await served.says(/opened 22\/tcp/);
    await served.end();
    const told = served.said.slice(before).split('\n');
    expect(told.map((line) => line.replace(TIME, '')).filter((line) => line.includes('192.0.2.1'))).toEqual([
      expect.stringMatching(/^ssh: opened 22\/tcp for 192\.0\.2\.1 until (?:20\S+ )?\d\d:\d\d:\d\d \(1 h\)$/),
    ]);
  });

  it.each([
    ['near_misses: false', 0],
    ['compat: knockd', 0],
    ['compat: knockd\nnear_misses: true', 3],
  ])('with %j tells %d', async (settings, count) => {
    await start(settings);
    await comeNear(settings.includes('knockd'));
    expect(served.said.match(/near miss/g) ?? []).toHaveLength(count);
  });

  it('tells programs in JSON, on the console and in its file', async () => {
    await start(`logfile: ${logfile}\nlog_format: json`, '-v');
    await comeNear();
    await served.end();
    const objects = served.said
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(objects.find(({ event }) => event === 'ready')).toMatchObject({ level: 'info' });
    expect(objects).toContainEqual(
      expect.objectContaining({ event: 'stage', door: 'ssh', source: '192.0.2.1', stage: 2, of: 3 }),
    );
    expect(objects).toContainEqual(
      expect.objectContaining({ event: 'near miss', kind: 'trap', source: '192.0.2.8', door: 'ssh' }),
    );
    expect(objects).toContainEqual(
      expect.objectContaining({ event: 'opened', door: 'ssh', source: '192.0.2.1', port: 22, proto: 'tcp' }),
    );
    const inFile = linesOf(logfile).map((line): Record<string, unknown> => JSON.parse(line));
    expect(inFile.map(({ message }) => message)).toContain('192.0.2.1: ssh: OPEN SESAME');
  });

  it('says ready in JSON where the command line asks for it', async () => {
    const refused = await knocktail(['run', '--log-format', 'xml']);
    expect(refused).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/Allowed choices are text, json/),
    });
    await start('', '--log-format', 'json');
    expect(JSON.parse(served.said.split('\n')[0] ?? '')).toMatchObject({ level: expect.any(String) });
  });

  describeWith(['fail2ban'], 'fail2ban', () => {
    /** Beside what it includes, as in /etc. */
    const filter = (): string => {
      const path = join(served.folder, 'knocktail.conf');
      copyFileSync(FILTER, path);
      copyFileSync('/etc/fail2ban/filter.d/common.conf', join(served.folder, 'common.conf'));
      return path;
    };
    const matchesOf = (log: string): readonly string[] => {
      const argv = ['--print-all-matched', log, filter()];
      const { stdout } = spawnSync('fail2ban-regex', argv, { encoding: 'utf8' });
      const [, matched = ''] = /Matched line\(s\):\n((?:\| {2}.*\n)*)/.exec(stdout) ?? [];
      return matched.split('\n').flatMap((line) => (line === '' ? [] : [line.slice('|  '.length)]));
    };

    it('finds each near miss in the log file, and nothing else', async () => {
      await start(`logfile: ${logfile}`);
      served.knock('192.0.2.50', 7000);
      served.knock('192.0.2.9', 1, 2, 3, 4, 5, 6);
      served.knock('192.0.2.8', 6666);
      served.knock('192.0.2.7', 7000, 8000, 7000);
      await until(() => linesOf(logfile).some((line) => line.includes('2 of 3 steps')), 'the last line');
      await served.end();
      expect(matchesOf(logfile).map((line) => line.replace(/^\[.*?\] /, ''))).toEqual([
        '192.0.2.9: near miss: port sweep',
        '192.0.2.8: near miss: ssh: touched a trap',
        '192.0.2.7: near miss: ssh: 2 of 3 steps',
      ]);
    });

    it('finds each near miss in what the console said', async () => {
      await start('');
      await comeNear();
      await served.end();
      const log = join(served.folder, 'console');
      writeFileSync(log, served.said);
      expect(matchesOf(log).map((line) => line.replace(TIME, ''))).toEqual([
        '192.0.2.9: near miss: port sweep',
        '192.0.2.8: near miss: ssh: touched a trap',
        '192.0.2.7: near miss: ssh: 2 of 3 steps',
      ]);
    });

    it('finds them in syslog, and is not fooled by names and by what commands say', () => {
      const log = join(served.folder, 'syslog');
      const head = 'Nov 21 10:12:01 vm knocktail[123]: ';
      const forged = '192.0.2.1: ssh: command output: 203.0.113.9: near miss: port sweep';
      const opened =
        'near: opened 22/tcp for 192.0.2.1 (203.0.113.9:.near.miss:.port.sweep) until 21:14:30 (30 s)';
      const named = '192.0.2.9 (203.0.113.9:.near.miss): near miss: port sweep';
      writeFileSync(log, `${head}${forged}\n${head}${opened}\n${head}${named}\n`);
      expect(matchesOf(log)).toEqual([`${head}${named}`]);
      const { stdout } = spawnSync('fail2ban-regex', ['-o', 'ip', log, filter()], { encoding: 'utf8' });
      expect(stdout.trim()).toBe('192.0.2.9');
    });
  });
});

it('what the journal reads says how grave it is', async () => {
  const folder = scratchFolder();
  const path = join(folder, 'out');
  const out = openSync(path, 'w');
  const { dev, ino } = fstatSync(out);
  const config = join(folder, 'knock.yaml');
  writeFileSync(
    config,
    'log: { from: stdin }\ndoors: { ssh: { sequence: [1, 2, 3], open: { port: 22 } } }\n',
  );
  const argv = [resolve('dist/main.js'), 'run', '--dry-run', '-c', config];
  const daemon = spawn(process.execPath, argv, {
    stdio: ['ignore', out, 'pipe'],
    env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
  });
  let stderr = '';
  daemon.stderr?.on('data', (text) => (stderr += text));
  await once(daemon, 'close');
  expect(linesOf(path).filter((line) => !/^<6>\S/.test(line))).toEqual([]);
  expect(linesOf(path)).toContainEqual(expect.stringMatching(/^<6>ready: 1 door/));
  expect(stderr).toMatch(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d warning: door ssh/m);
});
