/** The daemon as a user runs it: real packets, the real kernel, real iptables, Debian's `knock`. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { Lab, linesOf, SERVER, until } from '../lab.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** xt_time asks the kernel's coarse clock, which is one tick late, 10 ms at most. */
const CLOCK_TOLERANCE_MS = 50;
const KNOCK = ['4438', '1813:udp', '8235'];
const LOCK = ['8235', '1813:udp', '4438'];

describeWith(['root', 'ip', 'iptables', 'kernel log', 'knock', 'ping'], 'the daemon', () => {
  let lab: Lab;
  let said: string;
  let daemon: ChildProcess;

  beforeEach(async () => {
    lab = new Lab();
    await lab.logAndDrop();
    await lab.listen(22);
    await lab.pumpLog();
  });
  afterEach(() => lab.close());

  /** Starts the daemon and waits until it is ready. */
  async function start(doors: string, more = ''): Promise<void> {
    const config = writeConfig(doors, more);
    said = '';
    daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-D', '-c', config]);
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
    await says(/\bready: /);
  }

  function writeConfig(doors: string, more = '', log = lab.log): string {
    const config = join(lab.folder, 'knock.yaml');
    writeFileSync(
      config,
      `log: { path: ${log}, prefix: "${lab.prefix}" }\nstate: state\n${more}\ndoors:\n${doors}`,
    );
    return config;
  }

  const says = (text: RegExp): Promise<unknown> => until(() => said.match(text), `${text} in:\n${said}`);
  const knock = (host: string, ports: readonly string[]) =>
    lab.exec('client', ['knock', '-d', '20', host, ...ports]);
  const tries = async (host: string) => (await lab.connect('client', host, 22)).outcome;
  const openings = async (tool = 'iptables') => {
    const { stdout } = await lab.exec('server', [tool, '-w', '-S', 'KNOCKD']);
    return stdout.split('\n').filter((line) => line.startsWith('-A'));
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(daemon, 'exit');
    daemon.kill(signal);
    return (await ended)[0];
  };
  const cli = (...argv: string[]) =>
    lab.exec('server', [process.execPath, MAIN, ...argv, '-c', join(lab.folder, 'knock.yaml')]);

  const ssh = (seconds: number) =>
    `  ssh: { sequence: [${KNOCK}], seq_timeout: 5s, tcpflags: [syn], open: { port: 22, for: ${seconds}s } }\n`;
  const lock = `  lock: { sequence: [${LOCK}], seq_timeout: 5s, tcpflags: [syn], close: ssh }\n`;

  it.each(['v4', 'v6'] as const)(
    'opens the port to a right knock over IP%s, and shuts it again',
    async (family) => {
      await start(ssh(2));
      expect(await tries(SERVER[family])).toBe('dropped');
      await knock(SERVER[family], KNOCK);
      await says(/OPEN SESAME[\s\S]*: opened /);
      expect(await tries(SERVER[family])).toBe('open');
      await says(/: closed /);
      expect(await tries(SERVER[family])).toBe('dropped');
      expect(await openings(family === 'v4' ? 'iptables' : 'ip6tables')).toEqual([]);
      expect(await end('SIGTERM')).toBe(0);
    },
  );

  it('does not open to a wrong knock, nor to another source', async () => {
    await start(ssh(30));
    await knock(SERVER.v4, ['4438', '8235', '1813:udp']);
    await says(/reset at stage 1 of 3/);
    expect(await openings()).toEqual([]);
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    expect((await openings())[0]).toContain('-s 10.77.0.2/32');
  });

  it('with two logs of one kernel, opens once to a knock', async () => {
    const config = join(lab.folder, 'knock.yaml');
    const logs = `[{ from: kmsg, prefix: "${lab.prefix}" }, { path: ${lab.log}, prefix: "${lab.prefix}" }]`;
    const door = `{ sequence: [${KNOCK}], seq_timeout: 5s, start_command: "echo ran" }`;
    writeFileSync(config, `log: ${logs}\nstate: state\ndoors: { echo: ${door} }\n`);
    said = '';
    daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-D', '-c', config]);
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
    await says(/ready: .*kmsg, .*log/m);
    await knock(SERVER.v4, KNOCK);
    await says(/command output: ran/);
    await knock(SERVER.v4, KNOCK);
    await says(/command output: ran[\s\S]*command output: ran/);
    expect(said.match(/stage 1 of 3/g)).toHaveLength(2);
    expect(said).not.toMatch(/reset/);
    expect(await end('SIGTERM')).toBe(0);
    expect(said.match(/running command/g)).toHaveLength(2);
  });

  it('killed while a door is open, it leaves a door that the kernel shuts at its second', async () => {
    await start(ssh(3));
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    const [, second = ''] = /until=(\d+)/.exec((await openings()).join('\n')) ?? [];
    await end('SIGKILL');
    const endMs = Number(second) * 1000;
    const outcomes = new Map<boolean, Set<string>>([
      [true, new Set()],
      [false, new Set()],
    ]);
    await until(async () => {
      const { outcome, startedAt, endedAt } = await lab.connect('client', SERVER.v4, 22);
      // One that was under way at the very second proves nothing, nor does one in the tick after it.
      const isAfter = startedAt > endMs + CLOCK_TOLERANCE_MS;
      if (endedAt < endMs || isAfter) outcomes.get(isAfter)?.add(outcome);
      return isAfter;
    }, 'the end of the door');
    expect([...(outcomes.get(false) ?? [])]).toEqual(['open']);
    expect([...(outcomes.get(true) ?? [])]).toEqual(['dropped']);
    expect(await openings(), 'the rule is still there, and matches nothing').toHaveLength(1);
  });

  it('started again, it takes over what is open and takes away what has ended', async () => {
    await start(
      `${ssh(60)}  brief: { sequence: [5001, 5002, 5003], seq_timeout: 5s, open: { port: 80, for: 1s } }\n`,
    );
    await knock(SERVER.v4, KNOCK);
    await knock(SERVER.v4, ['5001', '5002', '5003']);
    await says(/brief: opened 80\/tcp/);
    await end('SIGKILL');
    const brief = (await openings()).find((rule) => rule.includes('brief'));
    await until(() => Date.now() / 1000 > Number(/until=(\d+)/.exec(brief ?? '')?.[1]), 'the end of brief');
    await start(ssh(60) + lock);
    await says(/brief: closed 80\/tcp/);
    expect(await openings()).toEqual([expect.stringContaining('knocktail:ssh')]);
  });

  it('stopped and started again, it opens once: not again for an old knock, and for one half made before', async () => {
    const door = `  cmd: { sequence: [${KNOCK}], seq_timeout: 15s, start_command: "echo %IP% >> ${lab.folder}/ran" }\n`;
    const ran = () => linesOf(join(lab.folder, 'ran')).length;
    await start(door);
    await knock(SERVER.v4, KNOCK);
    await until(() => ran() === 1, 'the command');
    await knock(SERVER.v4, KNOCK.slice(0, 2));
    await says(/stage 2 of 3[\s\S]*stage 2 of 3/);
    await end('SIGTERM');
    await knock(SERVER.v4, KNOCK.slice(2));
    await start(door);
    await until(() => ran() === 2, 'the knock that was half made and finished while no daemon ran');
    await end('SIGKILL');
    await start(door);
    await knock(SERVER.v4, KNOCK);
    await until(() => ran() >= 3, 'the next knock');
    expect(ran()).toBe(3);
  });

  it('extends the one rule at a second knock, and never adds another', async () => {
    await start(ssh(60));
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    const [first = ''] = await openings();
    await until(() => Date.now() / 1000 > Number(/until=(\d+)/.exec(first)?.[1]) - 59, 'another second');
    await knock(SERVER.v4, KNOCK);
    await says(/: opened [\s\S]*: opened /);
    const [second = ''] = await until(async () => {
      const rules = await openings();
      return rules.length === 1 && rules[0] !== first && rules;
    }, 'the longer rule alone');
    expect(second.replace(/until=\d+|datestop \S+/g, '')).toBe(first.replace(/until=\d+|datestop \S+/g, ''));
  });

  it('a close: door takes the opening of its source away', async () => {
    await start(ssh(60) + lock);
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    await knock(SERVER.v4, LOCK);
    await says(/ssh: closed 22\/tcp/);
    expect(await tries(SERVER.v4)).toBe('dropped');
  });

  it('runs start and stop commands as knockd does', async () => {
    const out = join(lab.folder, 'out');
    await start(`
  cmd:
    sequence: [${KNOCK}]
    start_command: echo start %IP% %IP% $KNOCK_DOOR $KNOCK_SOURCE >> ${out}; echo told; exit 3
    cmd_timeout: 0.5
    stop_command: echo stop %IP% >> ${out}
`);
    await knock(SERVER.v6, KNOCK);
    await until(() => existsSync(out) && readFileSync(out, 'utf8').includes('stop'), 'the stop command');
    expect(readFileSync(out, 'utf8')).toBe('start fd77::2 fd77::2 cmd fd77::2\nstop fd77::2\n');
    await says(/command output: told/);
    await says(/command returned non-zero status code \(3\)/);
    await says(/command timeout/);
  });

  it('told to end, it leaves a stop command that waits to the next, which runs it when its door is gone', async () => {
    const out = join(lab.folder, 'out');
    await start(
      `  cmd: { sequence: [${KNOCK}], start_command: "echo start >> ${out}", cmd_timeout: 1h, stop_command: "echo stop >> ${out}" }\n`,
    );
    await knock(SERVER.v4, KNOCK);
    await until(() => existsSync(out), 'the start command');
    expect(await end('SIGTERM')).toBe(0);
    expect(linesOf(out)).toEqual(['start']);
    await start(ssh(60));
    await until(() => linesOf(out).length === 2, 'the stop command');
  });

  it('reports a failing iptables in its own words and goes on', async () => {
    const script = join(lab.folder, 'iptables');
    const real = lab.iptables();
    const broken = join(lab.folder, 'broken');
    writeFileSync(
      script,
      `#!/bin/sh\ncase "$*" in *--dport*) if [ -e ${broken} ]; then echo "no such luck" >&2; exit 4; fi;; esac\nexec ${real} "$@"\n`,
    );
    chmodSync(script, 0o755);
    writeFileSync(broken, '');
    await start(ssh(30), `firewall: { iptables: ${script} }`);
    await knock(SERVER.v4, KNOCK);
    await says(/22\/tcp was not opened for \S+: .*no such luck/);
    writeFileSync(script, `#!/bin/sh\nexec ${real} "$@"\n`);
    await knock(SERVER.v4, KNOCK);
    await says(/opened 22\/tcp/);
  });

  it('list, open, close and flush work beside the daemon', async () => {
    await start(ssh(60) + lock);
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    expect((await cli('open', 'ssh', 'fd77::9')).status).toBe(0);
    const listed = (await cli('list', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(listed).toEqual([
      {
        door: 'ssh',
        source: '10.77.0.2',
        family: 4,
        port: 22,
        proto: 'tcp',
        until: expect.stringMatching(/Z$/),
        secondsLeft: expect.any(Number),
      },
      {
        door: 'ssh',
        source: 'fd77::9',
        family: 6,
        port: 22,
        proto: 'tcp',
        until: expect.stringMatching(/Z$/),
        secondsLeft: expect.any(Number),
      },
    ]);
    expect((await cli('close', 'ssh', '10.77.0.2')).stdout).toMatch(
      /^ssh: closed 22\/tcp for 10\.77\.0\.2 \(\d+ s early\)$/m,
    );
    expect(await tries(SERVER.v4)).toBe('dropped');
    expect((await cli('close', 'ssh', '10.77.0.2')).status).toBe(1);
    expect((await cli('flush')).stdout).toMatch(/^ssh: closed 22\/tcp for fd77::9 /);
    expect(await cli('list')).toMatchObject({ status: 0, stdout: '' });
    await knock(SERVER.v4, KNOCK);
    await says(/: opened [\s\S]*: opened |already open/);
  });

  it('opens nothing for a knock that is too old when it is read', async () => {
    await start(ssh(60), 'compat: none');
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    const lines = readFileSync(lab.log, 'utf8').replaceAll(/^\S+/gm, '2026-01-01T00:00:00.000000+00:00');
    await cli('flush');
    writeFileSync(lab.log, readFileSync(lab.log, 'utf8') + lines.replaceAll(/\[ *(\d+)/g, '[1$1'));
    await says(/not opened, the knock is .* old/);
    expect(await openings()).toEqual([]);
  });

  it('at HUP goes over to another file; doors that stay the same keep attempts and openings', async () => {
    await start(ssh(60) + lock);
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    await knock(SERVER.v6, KNOCK.slice(0, 2));
    await says(/fd77::2: ssh: stage 2 of 3/);
    const web = '  web: { sequence: [5001, 5002, 5003], seq_timeout: 5s, open: { port: 80, for: 60s } }\n';
    writeConfig(ssh(60) + web);
    daemon.kill('SIGHUP');
    await says(/reloaded/);
    await knock(SERVER.v6, KNOCK.slice(2));
    await says(/ssh: opened 22\/tcp for fd77::2 /);
    expect(await openings()).toHaveLength(1);
    await knock(SERVER.v4, ['5001', '5002', '5003']);
    await says(/web: opened 80\/tcp/);
    await knock(SERVER.v4, LOCK);
    await knock(SERVER.v4, ['5001']);
    await says(/web: opened 80\/tcp[\s\S]*web: stage 1 of 3/);
    expect(said).not.toContain('ssh: closed 22/tcp');
  });

  it('at HUP with a file that is wrong says so and goes on as before', async () => {
    await start(ssh(60));
    writeConfig('  ssh: { sequence: [99999] }\n');
    daemon.kill('SIGHUP');
    await says(/knock\.yaml:5:21: doors\.ssh\.sequence\.0: not a step \(99999\)/);
    await says(/was not loaded, going on as before/);
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
  });

  it('at HUP reads another log when it is told to', async () => {
    await start(ssh(60));
    const log = join(lab.folder, 'other.log');
    writeFileSync(log, '');
    writeConfig(ssh(60), '', log);
    daemon.kill('SIGHUP');
    await says(/reloaded/);
    await until(() => {
      // Until the new log is open, lines in it are older than its end.
      const now = new Date().toISOString().replace('Z', '000+00:00');
      const lines = KNOCK.map((step, id) => {
        const [port, proto = 'tcp'] = step.split(':');
        const rest = proto === 'udp' ? 'LEN=9 ' : 'WINDOW=64240 RES=0x00 SYN URGP=0 ';
        return `${now} vm kernel: ${lab.prefix}IN=wire OUT= SRC=192.0.2.9 DST=10.77.0.1 LEN=40 TTL=64 ID=${id} PROTO=${proto.toUpperCase()} SPT=4000${id} DPT=${port} ${rest}\n`;
      });
      appendFileSync(log, lines.join(''));
      return /ssh: opened 22\/tcp for 192\.0\.2\.9 /.test(said);
    }, 'the knock in the other log');
  });

  it('a trap closes the door of its source', async () => {
    await start(
      '  ssh: { sequence: [1600], tcpflags: [syn], trap: [1599, 1601], open: { port: 22, for: 60s } }\n',
    );
    await knock(SERVER.v4, ['1600']);
    await says(/: opened /);
    await knock(SERVER.v4, ['1601']);
    await says(/ssh: touched a trap[\s\S]*ssh: closed 22\/tcp/);
    expect(await openings()).toEqual([]);
  });

  it('opens for one host behind the firewall alone', async () => {
    await lab.exec('server', ['ip', 'addr', 'add', '10.77.0.5/24', 'dev', 'wire']);
    await start(
      `  ssh: { sequence: [${KNOCK}], seq_timeout: 5s, open: { port: 22, to: 10.77.0.5, for: 60s } }\n`,
    );
    await knock(SERVER.v4, KNOCK);
    await says(/: opened /);
    expect(await tries('10.77.0.5')).toBe('open');
    expect(await tries(SERVER.v4)).toBe('dropped');
  });

  it('a ping is a knock', async () => {
    for (const tool of ['iptables', 'ip6tables']) {
      const log = ['-j', 'LOG', '--log-prefix', lab.prefix];
      const request =
        tool === 'iptables' ? ['-p', 'icmp', '--icmp-type', '8'] : ['-p', 'icmpv6', '--icmpv6-type', '128'];
      await lab.exec('server', [tool, '-w', '-I', 'INPUT', ...request, ...log]);
    }
    await start(
      '  ping: { sequence: ["icmp:64", 4438, "icmp:65"], seq_timeout: 9s, open: { port: 22, for: 60s } }\n',
    );
    for (const host of [SERVER.v4, SERVER.v6]) {
      await lab.exec('client', ['ping', '-c1', '-W1', '-s', '64', host]);
      await knock(host, ['4438']);
      await lab.exec('client', ['ping', '-c1', '-W1', '-s', '65', host]);
      await until(async () => (await tries(host)) === 'open', `a port opened by pings to ${host}`);
    }
  });
});
