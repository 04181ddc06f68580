/** The daemon on a log file, with the firewall that prints: all of it that needs no root. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../lab/remove-folder.ts';
import { until } from '../lab.ts';

const DOORS = `
  ssh: { sequence: [4438, 1813:udp, 8235], seq_timeout: 5s, open: { port: 22, for: 60s } }
  lock: { sequence: [8235, 1813:udp, 4438], close: ssh }
  cmd: { sequence: [1111, 333, 2222], start_command: "echo %IP%", stop_command: "echo bye" }
`;

describe('the daemon in a dry run', () => {
  let folder: string;
  let log: string;
  let daemon: ChildProcess;
  let said: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
    log = join(folder, 'kern.log');
    said = '';
  });
  afterEach(async () => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const ended = once(daemon, 'exit');
      daemon.kill('SIGKILL');
      await ended;
    }
    removeFolder(folder);
  });

  async function start(doors = DOORS, ...options: string[]): Promise<void> {
    const config = join(folder, 'knock.yaml');
    writeFileSync(config, `log: { path: ${log} }\ndoors:${doors}`);
    const argv = ['dist/main.js', 'run', '-c', config, '--dry-run', '-D', ...options];
    daemon = spawn(process.execPath, argv);
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
    await says(/\bready: /);
  }

  const says = (text: RegExp) => until(() => said.match(text), `the daemon says ${text}`);

  function knock(src: string, ports: readonly string[], ageMs = 0, tag = 'kernel:'): void {
    ports.forEach((step, index) => {
      const [port, proto = 'tcp'] = step.split(':');
      const stamp = new Date(Date.now() - ageMs + index).toISOString().replace('Z', '000+00:00');
      const rest = proto === 'udp' ? 'LEN=9 ' : 'WINDOW=64240 RES=0x00 SYN URGP=0 ';
      const packet = `SRC=${src} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${index} PROTO=${proto.toUpperCase()} SPT=${40_000 + index} DPT=${port} ${rest}`;
      appendFileSync(log, `${stamp} vm ${tag} KNOCK IN=eth0 OUT= MAC= ${packet}\n`);
    });
  }

  it('tells each stage and the rule of a right knock, and ends with 0', async () => {
    writeFileSync(log, '');
    await start();
    knock('192.0.2.7', ['4438', '1813:udp', '8235']);
    await says(/opened 22\/tcp/);
    expect(said).toContain('192.0.2.7: ssh: stage 2 of 3\n');
    expect(said).toContain('192.0.2.7: ssh: OPEN SESAME\n');
    expect(said).toContain('iptables -w -I KNOCKD 1 -s 192.0.2.7/32 -p tcp -m tcp --dport 22');
    knock('192.0.2.7', ['8235', '1813:udp', '4438']);
    await says(/ssh: closed 22\/tcp/);
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });

  it('tells a knock in one line, with a time, and names the log that auto has chosen', async () => {
    writeFileSync(log, '');
    await start(DOORS, '--log', log);
    expect(said).toMatch(/ready: 3 doors, reading \S+kern\.log, opening/);
    const config = join(folder, 'auto.yaml');
    writeFileSync(config, `log: { from: auto }\nstate: ${folder}\ndoors:${DOORS}`);
    chmodSync(config, 0o600);
    const auto = spawn(process.execPath, ['dist/main.js', 'run', '-c', config, '--dry-run']);
    let heard = '';
    for (const stream of [auto.stdout, auto.stderr]) stream.on('data', (text) => (heard += text));
    const ended = once(auto, 'exit');
    // Where there is no log at all it ends.
    await Promise.race([until(() => heard.includes('ready: '), 'it is ready'), ended]);
    auto.kill('SIGKILL');
    await ended;
    expect(heard).toMatch(
      /ready: 3 doors, reading (?:kmsg|journal|\/\S+) \(chosen by auto\), opening|there is no log of the kernel/,
    );
  });

  it('tells commands and does not run them', async () => {
    writeFileSync(log, '');
    await start();
    knock('192.0.2.7', ['1111', '333', '2222']);
    await says(/192\.0\.2\.7: cmd: would run command: echo 192\.0\.2\.7/);
    expect(said).not.toContain('command output');
  });

  it('warns of weak doors when it starts, waits for a log that is not there, and reads it from its first line', async () => {
    await start('\n  a: { sequence: [7000, 8000, 9000], open: { port: 22, for: 1s } }\n');
    expect(said).toContain("warning: door a: the sequence 7000,8000,9000 is an example of knockd's");
    knock('192.0.2.7', ['7000', '8000', '9000']);
    await says(/opened 22\/tcp/);
  });

  it('opens nothing for a knock that is too old when it is read', async () => {
    writeFileSync(log, '');
    await start();
    knock('192.0.2.7', ['4438', '1813:udp', '8235'], 11_000);
    await says(/ssh: not opened, the knock is 11\.\d s old \(max_age\)/);
    expect(said).not.toContain('opened 22');
  });

  it("tells of lines that carry the prefix and are not the kernel's", async () => {
    writeFileSync(log, '');
    await start();
    knock('192.0.2.7', ['4438', '1813:udp', '8235'], 0, 'app:');
    await says(/3 lines carry the prefix but are not the kernel's, and did not count/);
    expect(said).not.toContain('stage');
  });

  it('accepts every line of a log that only the firewall writes, and warns once of who can write there', async () => {
    writeFileSync(log, '');
    const config = join(folder, 'any.yaml');
    writeFileSync(config, `log: { path: ${log}, format: any }\ndoors:${DOORS}`);
    await start(DOORS, '-c', config);
    const warning = `warning: ${log} is read with format: any, so anyone who can write there can open doors`;
    expect(said.split(warning)).toHaveLength(2);
    knock('192.0.2.7', ['4438', '1813:udp', '8235'], 0, 'klogd:');
    await says(/opened 22\/tcp/);
  });

  it('reads another log with another prefix when the command line says so', async () => {
    const other = join(folder, 'other.log');
    writeFileSync(other, '');
    log = other;
    await start(DOORS, '--log', other, '--prefix', 'OTHER ');
    knock('192.0.2.7', ['4438', '1813:udp', '8235']);
    writeFileSync(other, readFileSync(other, 'utf8').replaceAll('KNOCK ', 'OTHER '), { flag: 'a' });
    await says(/opened 22\/tcp/);
  });

  it('reads stdin, and ends with it', async () => {
    writeFileSync(log, '');
    await start(DOORS, '--log', '-');
    knock('192.0.2.7', ['4438', '1813:udp', '8235']);
    daemon.stdin?.write(readFileSync(log));
    await says(/opened 22\/tcp/);
    const ended = once(daemon, 'exit');
    daemon.stdin?.end();
    expect((await ended)[0]).toBe(0);
  });

  it('a backlog that has stamps of the kernel alone opens nothing, however it is read', async () => {
    writeFileSync(log, '');
    await start(DOORS, '--log', '-');
    const bootedAgoS = Number(process.hrtime.bigint() / 1_000_000_000n);
    const record = (port: string, agoS: number, index: number) =>
      `4,${index},${Math.max(1, bootedAgoS - agoS) * 1_000_000},-;KNOCK IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${index} PROTO=TCP SPT=${40_000 + index} DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
    daemon.stdin?.write(
      ['1111', '333', '2222'].map((port, index) => record(port, 900 - index, index)).join(''),
    );
    await says(/cmd: not opened, the knock is [89]\d\d\.\d s old/);
    daemon.stdin?.write(['1111', '333', '2222'].map((port, index) => record(port, 0, index)).join(''));
    await says(/would run command/);
  });

  it('at USR1 lets no debugger in', async () => {
    writeFileSync(log, '');
    await start();
    daemon.kill('SIGUSR1');
    daemon.kill('SIGHUP');
    await says(/reloaded/);
    knock('192.0.2.7', ['4438', '1813:udp', '8235']);
    await says(/opened 22\/tcp/);
    expect(said).not.toContain('Debugger');
  });

  it('at HUP keeps the attempts at doors that stay the same', async () => {
    writeFileSync(log, '');
    await start();
    knock('192.0.2.7', ['4438', '1813:udp']);
    await says(/ssh: stage 2 of 3/);
    writeFileSync(
      join(folder, 'knock.yaml'),
      `log: { path: ${log} }\ndoors:${DOORS}  new: { sequence: [1, 9, 5], close: ssh }\n`,
    );
    daemon.kill('SIGHUP');
    await says(/reloaded/);
    knock('192.0.2.7', ['8235']);
    await says(/opened 22\/tcp/);
  });
});

it.each([
  [['run', '-c', '/nonexistent.yaml'], 66],
  [['run', '--frob'], 64],
])('%j exits with %i', async (argv, code) => {
  const child = spawn(process.execPath, ['dist/main.js', ...argv], { stdio: 'ignore' });
  expect((await once(child, 'exit'))[0]).toBe(code);
});

it('without iptables it exits with 69, and says how to get it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-test-'));
  const config = join(folder, 'knock.yaml');
  writeFileSync(
    config,
    'firewall: { iptables: /nonexistent/iptables }\ndoors: { a: { sequence: [5, 9, 7], open: { port: 22, for: 1s } } }\n',
  );
  chmodSync(config, 0o600);
  const child = spawn(process.execPath, ['dist/main.js', 'run', '-c', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  expect((await once(child, 'close'))[0]).toBe(69);
  expect(said).toContain('/nonexistent/iptables');
  removeFolder(folder);
});
