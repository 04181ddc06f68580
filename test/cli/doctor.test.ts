import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knocksUnasked } from '../../src/cli/examine.ts';
import { fileWith, knocktail } from './terminal.ts';

describe('knocktail doctor', () => {
  it('tells what is wrong with a configuration, and exits with 2', async () => {
    const config = fileWith('doors: { a: { sequence: [99999], frob: 1 } }\n');
    const { code, stdout } = await knocktail(['doctor', '-c', config]);
    expect(code).toBe(2);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringContaining(`FAIL  config: ${config}:1:26: doors.a.sequence.0: not a step (99999)`),
      `      -> knocktail check -c ${config}`,
      expect.stringContaining(`FAIL  config: ${config}:1:34: unknown key (doors.a.frob)`),
      `      -> knocktail check -c ${config}`,
    ]);
  });

  it('tells whoever has no configuration yet how to get one', async () => {
    const { code, objects } = await knocktail(['doctor', '-c', '/nonexistent/knock.yaml', '--json']);
    expect(code).toBe(2);
    expect(objects).toEqual([
      {
        check: 'config',
        status: 'fail',
        detail: '/nonexistent/knock.yaml: no such file',
        remedy: 'make one with knocktail init -c /nonexistent/knock.yaml, or name another with -c FILE',
      },
    ]);
  });

  it('tells what is odd in the configuration, as check does', async () => {
    const config = fileWith('[a]\nsequence = 7000,8000:udp,9001x\nstart_command = x\n', 'knockd.conf');
    const { objects } = await knocktail(['doctor', '-c', config, '--json']);
    expect(objects[0]).toMatchObject({
      ...{ check: 'config', status: 'warn' },
      detail: `${config}:2:1: sequence: "9001x" is taken for port 9001`,
    });
  });

  it('tells that others can read the configuration, or write it', async () => {
    const config = fileWith('doors: { a: { sequence: [5, 9, 7], open: { port: 22, for: 1s } } }\n');
    const told = async () =>
      (await knocktail(['doctor', '-c', config])).stdout
        .split('\n')
        .filter((line) => /config: .* local user/.test(line));
    chmodSync(config, 0o644);
    expect(await told(), 'its folder lets nobody through').toEqual([]);
    chmodSync(dirname(config), 0o755);
    expect(await told()).toEqual([`WARN  config: ${config} can be read by any local user, who could knock`]);
    chmodSync(config, 0o640);
    expect(await told()).toEqual([]);
    chmodSync(config, 0o642);
    expect(await told()).toEqual([
      `FAIL  config: ${config} can be written by any local user, who could open doors and have commands run`,
    ]);
  });

  it('goes on where a file of sequences is missing, and where nothing is to open', async () => {
    const config = fileWith(
      'firewall: { backend: dry-run, iptables: /nonexistent/iptables }\ndoors: { a: { one_time_sequences: gone, open: { port: 22, for: 1s } } }\n',
    );
    const { objects } = await knocktail(['doctor', '-c', config, '--json']);
    expect(objects.map(({ check, status }) => `${check} ${status}`)).toEqual(
      expect.arrayContaining(['config warn', 'config fail', 'iptables fail']),
    );
    expect(objects.find(({ status }) => status === 'warn')?.['detail']).toContain('dry-run');
  });

  it('tells of all that it can look at without an iptables, one JSON object a line', async () => {
    const config = fileWith(
      'firewall: { iptables: /nonexistent/iptables }\nlog: { path: /nonexistent/log }\ndoors: { a: { sequence: [1, 2], open: { port: 22, for: 1s } } }\n',
    );
    const { code, objects } = await knocktail(['doctor', '-c', config, '--json']);
    expect(code).toBe(2);
    expect(objects.map(({ check, status }) => `${check} ${status}`)).toEqual(
      expect.arrayContaining(['config warn', 'log fail', 'clock ok', 'iptables fail']),
    );
    for (const { check, status, detail, remedy, ...rest } of objects) {
      expect([typeof check, typeof detail, rest]).toEqual(['string', 'string', {}]);
      expect(typeof remedy === 'string').toBe(status === 'warn' || status === 'fail');
    }
  });
});

it.each([
  [['kmsg'], {}, true],
  [['kmsg', 'file'], {}, true],
  [['journal'], {}, false],
  [['auto'], {}, false],
  [['kmsg'], { isRoot: false }, false],
  [['kmsg'], { isOwn: true }, false],
  [['kmsg'], { hasFailed: true }, false],
] as const)('with logs from %j and %j a knock is sent unasked: %s', (logs, given, isSent) => {
  expect(knocksUnasked({ logs, isRoot: true, isOwn: false, hasFailed: false, ...given })).toBe(isSent);
});
