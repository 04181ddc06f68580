/** A whole knock at a door from a scratch network, with a daemon that opens it and one that does not. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
const DOORS = `
  ssh: { sequence: [4438, 1813:udp, 8235], tcpflags: [syn], open: { port: 22, for: 30s } }
  cmd: { sequence: [5151, 9320:udp, 6262], start_command: "touch RAN", open: { port: 443, for: 30s } }`;

describeWith(['root', 'ip', 'kernel log', 'unshare', 'iptables'], 'knocktail test', () => {
  let lab: Lab;
  let config: string;
  let said: string;
  let daemon: ChildProcess | null;
  beforeEach(() => {
    lab = new Lab();
    said = '';
    daemon = null;
    config = join(lab.folder, 'knock.yaml');
    writeFileSync(
      config,
      `log: { from: kmsg, prefix: "${lab.prefix}" }\nstate: state\ndoors:${DOORS.replace('RAN', join(lab.folder, 'ran'))}\n`,
    );
  });
  afterEach(() => lab.close());

  const cli = (...argv: readonly string[]) =>
    lab.exec('server', [process.execPath, MAIN, ...argv, '-c', config]);
  const rules = async () => (await lab.exec('server', ['iptables', '-w', '-S', 'KNOCKD'])).stdout;
  const wires = async () =>
    (await lab.exec('server', ['ip', '-o', 'link'])).stdout.match(/^\d+: kt-/gm) ?? [];
  const start = async (): Promise<void> => {
    expect(await cli('rules', '--apply')).toMatchObject({ status: 0 });
    daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
    await until(() => /\bready: /.test(said), `ready in:\n${said}`);
  };

  it('opens the door, says at which step and how fast, and closes it for its own address alone', async () => {
    await start();
    await cli('open', 'ssh', '10.77.0.2');
    const { status, stdout } = await cli('test', 'ssh');
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^ssh: knocking at 198\.\S+ from 198\.\S+$/),
      expect.stringMatching(/^ {2}4438\/tcp {2}step 1 of 3, in \/dev\/kmsg after \d+ ms$/),
      expect.stringMatching(/^ {2}1813\/udp {2}step 2 of 3, in \/dev\/kmsg after \d+ ms$/),
      expect.stringMatching(/^ {2}8235\/tcp {2}step 3 of 3, in \/dev\/kmsg after \d+ ms$/),
      expect.stringMatching(
        /^ssh: opened 22\/tcp for 198\.\S+ at step 3 of 3, \d+ ms after the last knock; closed again$/,
      ),
      '',
    ]);
    expect(status).toBe(0);
    expect(said).toMatch(/ssh: opened 22\/tcp for 198\./);
    expect((await rules()).match(/-s \S+/g)).toEqual(['-s 10.77.0.2/32']);
    expect(await wires()).toEqual([]);
  });

  it('tells programs in JSON, over IPv6 as well', async () => {
    await start();
    const { status, stdout } = await cli('test', 'ssh', '-6', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ door: 'ssh', source: expect.stringMatching(/^fd/), family: 6, stage: 3, of: 3, opened: true },
      openedMs: expect.any(Number),
    });
    expect(status).toBe(0);
  });

  it('says which step is not logged', async () => {
    await start();
    await lab.exec('server', ['iptables', '-w', '-I', 'INPUT', '-p', 'udp', '--dport', '1813', '-j', 'DROP']);
    const { status, stdout } = await cli('test', 'ssh');
    expect(stdout).toMatch(/^ {2}1813\/udp {2}step 2 of 3, not in the log$/m);
    expect(stdout).toMatch(/^ssh: did not open, step 1 of 3 was reached: knocktail rules -c \S+ --apply/m);
    expect(status).toBe(1);
  });

  it('says that no daemon runs', async () => {
    expect(await cli('rules', '--apply')).toMatchObject({ status: 0 });
    const { status, stdout } = await cli('test', 'ssh');
    expect(stdout).toMatch(/^ssh: did not open, step 3 of 3 was reached: no daemon runs here, start it/m);
    expect(status).toBe(1);
  });

  it('runs a command only where it is told to', async () => {
    await start();
    expect(await cli('test', 'cmd')).toMatchObject({
      status: 69,
      stderr: 'door cmd: it runs a command when it opens, allow that with --commands\n',
    });
    expect(await cli('test', 'cmd', '--commands')).toMatchObject({ status: 0 });
    await until(() => said.includes('running command'), 'the command runs');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('leaves no network when %s ends it', async (signal) => {
    await start();
    const test = lab.spawn('server', [process.execPath, MAIN, 'test', 'ssh', '-c', config]);
    await until(async () => (await wires()).length > 0, 'the wire of the test');
    test.kill(signal);
    await once(test, 'exit');
    await until(async () => (await wires()).length === 0, 'no wire');
    if (signal !== 'SIGKILL') expect(await rules()).not.toContain('198.');
  });
});
