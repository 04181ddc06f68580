/** `rules --shut` with an iptables of paper: what is changed, and what becomes of it when nobody confirms it. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { scratchFolder } from '../lab/scratch-folder.ts';

/** Each starts some dozens of programs. */
vi.setConfig({ testTimeout: 120_000 });
const MAIN = resolve('dist/main.js');
const SSH = '-p tcp -m tcp --dport 22 -j ACCEPT';
const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';

let folder: string;
let config: string;
beforeEach(() => {
  folder = scratchFolder();
  config = join(folder, 'knock.yaml');
  for (const tool of ['iptables', 'ip6tables'])
    copyFileSync('test/lab/paper-iptables.sh', join(folder, tool));
  const door = '{ sequence: [4438, 1813:udp, 8235], tcpflags: [syn], open: { port: 22, for: 30s } }';
  const text = `firewall: { iptables: ${join(folder, 'iptables')} }\nstate: state\ndoors: { ssh: ${door} }\n`;
  writeFileSync(config, text, { mode: 0o600 });
  for (const rule of ['-A INPUT -i lo -j ACCEPT', `-A INPUT ${ESTABLISHED}`, `-A INPUT ${SSH}`])
    for (const tool of ['iptables', 'ip6tables']) iptables(tool, ...rule.split(' '));
});

function iptables(tool: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(join(folder, tool), argv, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

const input = (tool = 'iptables') => iptables(tool, '-S', 'INPUT').trim().split('\n').slice(1);
const both = () => [...input('iptables'), ...input('ip6tables')];
const argv = (...options: readonly string[]) => [MAIN, 'rules', '-c', config, ...options];
const rules = (...options: readonly string[]) =>
  spawnSync(process.execPath, argv(...options), { encoding: 'utf8', timeout: 60_000 });

async function shutting(seconds: number): Promise<{ child: ChildProcess; said: () => string }> {
  const child = spawn(process.execPath, argv('--shut', '--confirm', String(seconds)), { stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  await vi.waitFor(() => expect(said).toContain('Then run there: '), { timeout: 60_000 });
  return { child, said: () => said };
}

const codeOf = async (child: ChildProcess) => child.exitCode ?? (await once(child, 'exit'))[0];
const pending = () => join(folder, 'state', 'shut.pending');
const guardPid = (): number => JSON.parse(readFileSync(pending(), 'utf8')).pid;

const SHUT = [
  '-A INPUT -j KNOCKD',
  '-A INPUT -j KNOCKD-LOG',
  '-A INPUT -j KNOCKD-CLOSED',
  '-A INPUT -i lo -j ACCEPT',
  `-A INPUT ${ESTABLISHED}`,
  '-A INPUT ! -i lo -p tcp -m tcp --dport 22 -m comment --comment knocktail-shut -j DROP',
];

describe('rules --shut', () => {
  it('changes nothing before the rules are applied', () => {
    const before = both();
    expect(rules('--shut', '--confirm', '60')).toMatchObject({
      status: 69,
      stdout: '',
      stderr: `nothing is shut: over IPv4, there is no chain KNOCKD, and the doors' ports are open without a knock, knocktail rules -c ${config} --apply\n`,
    });
    expect(both()).toEqual(before);
  });

  it('wants to know without a terminal whether it is to be confirmed, and takes seconds with it alone', () => {
    expect(rules('--shut')).toMatchObject({
      status: 64,
      stderr: expect.stringContaining(
        'there is no terminal to confirm at, add --confirm 60 and confirm from',
      ),
    });
    expect(rules('--confirm', '60').stderr).toContain('seconds are for --shut (60), add --shut');
    expect(rules('--shut', '--confirm', '99999').stderr).toContain('up to 3600');
    expect(rules('--shut', '--apply').status).toBe(64);
  });

  it('prints each change, and keeps them when they are confirmed', async () => {
    rules('--apply');
    const { child, said } = await shutting(60);
    expect(input('iptables')).toEqual(SHUT);
    expect(input('ip6tables')).toEqual(SHUT);
    expect(said()).toContain(`iptables: 22/tcp is open to everyone: -A INPUT ${SSH}\n`);
    for (const tool of ['iptables', 'ip6tables'])
      expect(said()).toContain(`${tool} -w -D INPUT ${SSH}\n${tool} -w -I INPUT 6 ! -i lo -p tcp`);
    expect(rules('--shut', '--confirm', '60').stderr).toContain(
      `confirm them with knocktail rules -c ${config} --confirm`,
    );
    expect(rules('--confirm')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^confirmed: /) });
    expect(await codeOf(child)).toBe(0);
    expect(input()).toEqual(SHUT);
    expect(existsSync(pending())).toBe(false);
    expect(rules('--shut', '--confirm', '60').stdout).toBe(
      'nothing to do: no rule and no policy lets everyone reach 22/tcp\n',
    );
  });

  it('undoes each change when nobody confirms it, and leaves what others have changed', async () => {
    rules('--apply');
    const before = both();
    const { child, said } = await shutting(6);
    iptables('iptables', '-I', 'INPUT', '1', '-s', '203.0.113.9/32', '-j', 'DROP');
    expect(await codeOf(child)).toBe(1);
    expect(said()).toContain('undone, as nobody confirmed it within 6 s: the rules are as they were\n');
    expect(both()).toEqual(['-A INPUT -s 203.0.113.9/32 -j DROP', ...before]);
    expect(rules('--confirm')).toMatchObject({
      status: 69,
      stderr: expect.stringContaining('nothing waits to be confirmed'),
    });
  });

  it('undoes them though the command is killed', async () => {
    rules('--apply');
    const before = both();
    const { child } = await shutting(6);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(input()).toEqual(SHUT);
    await vi.waitFor(() => expect(both()).toEqual(before), { timeout: 60_000 });
  });

  it('undoes them though the process that waits is killed', async () => {
    rules('--apply');
    const before = both();
    const { child, said } = await shutting(60);
    process.kill(guardPid(), 'SIGHUP');
    process.kill(guardPid(), 'SIGKILL');
    expect(await codeOf(child)).toBe(1);
    expect(said()).toMatch(/undone, as .*: the rules are as they were\n/);
    expect(both()).toEqual(before);
  });

  it('undoes them at Ctrl-C', async () => {
    rules('--apply');
    const before = both();
    const { child, said } = await shutting(60);
    child.kill('SIGINT');
    expect(await codeOf(child)).toBe(1);
    expect(said()).toContain('undone, as you asked for it');
    expect(both()).toEqual(before);
  });
});
