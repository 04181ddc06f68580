import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { jsonSchema } from '../../src/cli/schema.ts';
import { fileWith, knocktail } from './terminal.ts';

it.each([
  ['check', ['--bogus']],
  ['close', ['ssh']],
])('a wrong command line is told where its help is: %s', async (command, argv) => {
  const { code, stderr } = await knocktail([command, ...argv]);
  expect(code).toBe(64);
  expect(stderr).toMatch(new RegExp(`\\(knocktail ${command} --help tells more\\)\\n$`));
});

describe('knocktail check', () => {
  it('tells every problem of a broken file as FILE:LINE:COLUMN: what (value), and exits with 78', async () => {
    const path = fileWith('doors:\n  ssh:\n    sequence: [1111, 99999, 333]\n    open: { port: ssh }\n');
    const { code, stdout, stderr } = await knocktail(['check', '-c', path]);
    expect(stderr.split('\n')).toEqual([
      `${path}:3:22: doors.ssh.sequence.1: not a step (99999), write a port from 1 to 65535, with :udp for UDP, or icmp or icmp:SIZE`,
      `${path}:4:19: doors.ssh.open.port: not a port (ssh), write a number from 1 to 65535`,
      '',
    ]);
    expect([code, stdout]).toEqual([78, '']);
  });

  it('says what is good, and warns of doors that are weak', async () => {
    const path = fileWith(
      'doors:\n  a: {sequence: [7000, 8000, 9000], start_command: x}\n  b: {sequence: [5, 4], close: c}\n  c: {sequence: [900, 80:udp, 7000], open: {port: 22}}\n  d: {sequence: [4, 9, 7], open: {port: 22, for: 0}}\n',
    );
    const { code, stdout, stderr } = await knocktail(['check', '-c', path]);
    expect(stderr.trim().split('\n')).toEqual([
      `${path}:2:3: warning: door a: the sequence 7000,8000,9000 is an example of knockd's, use one of your own`,
      `${path}:3:3: warning: door b: a sequence of 2 is soon guessed, use at least 3 steps`,
      `${path}:3:3: warning: door b: the ports of the sequence 5,4 only rise or only fall, as those of a port scan do, mix them`,
      `${path}:5:3: warning: door d: open: is for no time, so nobody gets in, allow some seconds`,
    ]);
    expect([code, stdout]).toEqual([0, `${path}: good, 4 doors\n`]);
  });

  it('with --strict exits with 78 where there is a warning, of whatever kind', async () => {
    const weak = fileWith('doors: {a: {sequence: [5, 9, 7], cmd_timeout: 5s, open: {port: 22, for: 1s}}}\n');
    expect(await knocktail(['check', '-c', weak, '--strict'])).toMatchObject({
      code: 78,
      stdout: '',
      stderr:
        `${weak}:1:34: warning: door a: cmd_timeout without stop_command does nothing\n` +
        `${weak}: not good, 1 warning (--strict)\n`,
    });
    expect((await knocktail(['check', '-c', weak])).code).toBe(0);
    const once = fileWith('x\n5,9,7\n', 'once.seq');
    const conf = fileWith(`doors: {a: {one_time_sequences: ${once}, open: {port: 22, for: 1s}}}\n`);
    expect((await knocktail(['check', '-c', conf, '--strict'])).code).toBe(78);
  });

  it('warns of a step on which a program of this host listens', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const path = fileWith(
      `doors:\n  ssh: {sequence: [4438, ${port}, 1813:udp, ${port}:udp, 8235], seq_timeout: 5s, open: {port: 22, for: 30s}}\n`,
    );
    const { stderr } = await knocktail(['check', '-c', path]);
    server.close();
    expect(stderr).toBe(
      `${path}:2:3: warning: door ssh: its step ${port} is a port on which a program of this host listens, and what a rule accepts is not logged, use a free port\n`,
    );
  });

  it('finds nothing to say of a good door', async () => {
    const path = fileWith(
      'doors:\n  ssh: {sequence: [4438, 1813:udp, 8235], seq_timeout: 5s, open: {port: 22, for: 30s}}\n',
    );
    expect(await knocktail(['check', '-c', path, '--strict'])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['/nonexistent/knock.yaml', 66, 'no such file, make one with knocktail init, or name another with -c'],
    ['package.json/knock.yaml', 66, 'no such file'],
    ['test', 66, 'is a folder'],
  ])('exits with 66 when %s is no file', async (path, expected, what) => {
    const { code, stderr } = await knocktail(['check', '-c', path]);
    expect(code).toBe(expected);
    expect(stderr).toContain(`${path}: ${what}`);
  });

  it('reads past the mark that an editor may put ahead of all', async () => {
    const doors = ['doors: {a: {sequence: [4438, 1813:udp, 8235]}}\n', '[a]\nsequence = 4438,1813,8235\n'];
    for (const text of doors)
      expect((await knocktail(['check', '-c', fileWith(`\ufeff${text}`)])).code).toBe(0);
  });

  it('has nothing to say of the knock.yaml of this repository', async () => {
    expect(
      await knocktail(['check', '-c', fileWith(readFileSync('knock.yaml', 'utf8')), '--strict']),
    ).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('knocktail schema', () => {
  it('prints what knock.schema.json holds', async () => {
    const { code, stdout } = await knocktail(['schema']);
    expect([code, stdout]).toEqual([0, jsonSchema()]);
    expect(readFileSync('knock.schema.json', 'utf8')).toBe(stdout);
  });

  it('has a description for every key', () => {
    const bare: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const { properties, additionalProperties } = node as {
        properties?: object;
        additionalProperties?: unknown;
      };
      for (const [key, value] of Object.entries(properties ?? {})) {
        if (typeof value.description !== 'string') bare.push(`${path}.${key}`);
        walk(value, `${path}.${key}`);
      }
      walk(additionalProperties, `${path}.*`);
    };
    walk(JSON.parse(jsonSchema()), '');
    expect(bare).toEqual([]);
  });
});

describe('the command line', () => {
  it('has help for every command, and a version', async () => {
    const { code, stdout } = await knocktail(['--help']);
    expect(code).toBe(0);
    for (const command of [
      'run',
      'init',
      'check',
      'rules',
      'doctor',
      'replay',
      'explain',
      'parse',
      'list',
      'open',
      'close',
      'flush',
      'schema',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
      expect((await knocktail([command, '--help'])).stdout).toContain(`Usage: knocktail ${command}`);
    }
    expect((await knocktail(['--version'])).stdout).toBe('knocktail 1.2.3\n');
  });

  it.each([
    [['frob']],
    [['check', '--frob']],
    [['open', 'ssh']],
    [['rules', '-c', 'knock.yaml', '--log', 'a.log', '--log', './a.log']],
    [['close', 'ssh', '010.1.1.1', '-c', 'knock.yaml']],
    [['open', 'nodoor', '192.0.2.1', '-c', 'knock.yaml']],
    [['open', 'lock', '192.0.2.1', '-c', 'knock.yaml']],
    [['parse', '--follow', '-']],
    [[]],
  ])('exits with 64 on %j', async (argv) => {
    const { code, stdout, stderr } = await knocktail(argv);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).not.toBe('');
  });
});
