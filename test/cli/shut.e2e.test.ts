/** Ports of doors are shut to strangers in the real kernel, and open again where nobody confirms that. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import type { Need } from '../lab/needs.ts';
import { Lab, SERVER, until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
const KNOCK = ['4438', '1813:udp', '8235'];
/** Each runs a dozen programs, and waits for some of them. */
const LIMIT_MS = 180_000;
const NEEDS: readonly Need[] = ['root', 'ip', 'kernel log', 'knock'];
vi.setConfig({ testTimeout: LIMIT_MS });
/** As on a bastion: ssh is accepted early, as one is logged in by it. */
const BASTION = [
  '-P INPUT DROP',
  '-A INPUT -i lo -j ACCEPT',
  '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
  '-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT',
  '-A INPUT -s 10.99.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT',
];
/** Neighbours find each other by it. */
const ICMPV6 = '-A INPUT -p ipv6-icmp -j ACCEPT';

for (const backend of ['nft', 'legacy'] as const) {
  describeWith([...NEEDS, backend], `rules --shut, through ${backend}`, () => {
    let lab: Lab;
    let config: string;
    beforeEach(async () => {
      lab = new Lab();
      config = join(lab.folder, 'knock.yaml');
      const door = `{ sequence: [${KNOCK}], tcpflags: [syn], open: { port: 22, for: 30s } }`;
      writeFileSync(
        config,
        `log: { from: kmsg, prefix: "${lab.prefix}" }\nfirewall: { iptables: ${backend} }\nstate: state\ndoors: { ssh: ${door} }\n`,
      );
    });
    afterEach(() => lab.close());

    async function server(...argv: readonly string[]): Promise<string> {
      const { status, stdout, stderr } = await lab.exec('server', argv);
      if (status !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
      return stdout;
    }

    async function bastion(rules: readonly string[] = BASTION): Promise<void> {
      for (const rule of rules) {
        await server(`iptables-${backend}`, '-w', ...rule.split(' '));
        await server(`ip6tables-${backend}`, '-w', ...rule.replace('10.99.0.0/16', 'fd99::/16').split(' '));
      }
      await server(`ip6tables-${backend}`, '-w', ...ICMPV6.split(' '));
    }

    /** Both families, without the counters and the time of day. */
    async function saved(): Promise<string> {
      const texts = [await server(`iptables-${backend}-save`), await server(`ip6tables-${backend}-save`)];
      return texts.join('').replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
    }

    const rules = (...options: readonly string[]) =>
      lab.exec('server', [process.execPath, MAIN, 'rules', '-c', config, ...options]);

    async function ready(): Promise<() => string> {
      await server(process.execPath, MAIN, 'rules', '-c', config, '--apply');
      const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
      const said = heard(daemon);
      await until(() => / ready: /.test(said()), 'a daemon that is ready');
      return said;
    }

    function heard(child: ChildProcess): () => string {
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
      return () => said;
    }

    async function reaches(port = 22): Promise<readonly string[]> {
      const both = [SERVER.v4, SERVER.v6].map((host) => lab.connect('client', host, port));
      return (await Promise.all(both)).map(({ outcome }) => outcome);
    }

    const OPEN = ['open', 'open'];
    const SHUT = ['dropped', 'dropped'];

    const doctor = async () => {
      const { stdout } = await lab.exec('server', [process.execPath, MAIN, 'doctor', '-c', config, '--json']);
      const findings = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      return findings.filter((it) => it.check.startsWith('shut'));
    };

    /** Starts it, and waits until its changes are made. */
    async function shutting(
      seconds: number,
      argv: readonly string[] = [],
    ): Promise<{ child: ChildProcess; said: () => string }> {
      const command = [process.execPath, MAIN, 'rules', '-c', config, '--shut', '--confirm', String(seconds)];
      const child = lab.spawn('server', [...argv, ...command]);
      const said = heard(child);
      await until(() => said().includes('rules -c'), `the end of the changes in:\n${said()}`);
      return { child, said };
    }

    const codeOf = async (child: ChildProcess) => child.exitCode ?? (await once(child, 'exit'))[0];

    it('shuts ssh, keeps who is connected, and lets a knock in; the doctor says what it would do', async () => {
      await bastion();
      await lab.listen(22, 80);
      const said = await ready();
      expect(await reaches()).toEqual(OPEN);
      expect((await doctor()).map((it) => `${it.check} ${it.status} ${it.detail}`)).toEqual(
        ['IPv4', 'IPv6'].map(
          (family) =>
            `shut, ${family} fail door ssh: everyone reaches 22/tcp without a knock: -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT`,
        ),
      );
      const session = lab.spawn('client', [
        'bash',
        '-c',
        `exec 3<>/dev/tcp/${SERVER.v4}/22; echo on; read -r line; echo "$line" >&3 && echo sent; sleep 30`,
      ]);
      const told = heard(session);
      await until(() => told().includes('on'), 'a session');
      const done = await rules('--shut', '--confirm', '0');
      expect(done.stderr).toBe('');
      expect(done.stdout).toContain(`iptables-${backend} -w -D INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n`);
      expect(done.stdout).toContain(`ip6tables-${backend} -w -D INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n`);
      expect(await reaches()).toEqual(SHUT);
      expect(await reaches(80)).toEqual(OPEN);
      session.stdin?.write('hello\n');
      await until(() => told().includes('sent'), 'a session that goes on');
      expect((await doctor()).map((it) => it.status)).toEqual(['ok', 'ok']);
      await lab.exec('client', ['knock', '-d', '20', SERVER.v4, ...KNOCK]);
      await lab.exec('client', ['knock', '-d', '20', SERVER.v6, ...KNOCK]);
      await until(
        () => (said().match(/opened 22\/tcp for /g) ?? []).length === 2,
        `two openings in:\n${said()}`,
      );
      expect(await reaches()).toEqual(OPEN);
      expect((await rules('--shut', '--confirm', '0')).stdout).toBe(
        'nothing to do: no rule and no policy lets everyone reach 22/tcp\n',
      );
    });

    it('shuts by the commands that the doctor prints as well', async () => {
      await bastion(['-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT', '-A INPUT -j ACCEPT']);
      await lab.listen(22, 80);
      await ready();
      for (const { remedy } of await doctor()) {
        const [, typed] = remedy.split(', or: ');
        await server('bash', '-c', typed);
      }
      expect((await doctor()).map((it) => it.status)).toEqual(['ok', 'ok']);
      expect(await reaches()).toEqual(SHUT);
      expect(await reaches(80)).toEqual(OPEN);
    });

    it('stays when another login confirms it', async () => {
      await bastion();
      await lab.listen(22);
      await ready();
      const { child, said } = await shutting(40);
      expect(await reaches()).toEqual(SHUT);
      const before = await saved();
      expect((await rules('--shut', '--confirm', '0')).stderr).toContain('wait to be confirmed');
      const { status, stdout } = await rules('--confirm');
      expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^confirmed:/) });
      expect(await codeOf(child)).toBe(0);
      expect(said()).toContain('confirmed: what was shut stays shut\n');
      expect(await saved()).toBe(before);
      const late = await rules('--confirm');
      expect(late).toMatchObject({
        status: 69,
        stderr: expect.stringContaining('nothing waits to be confirmed'),
      });
      expect(leftovers()).toEqual([]);
    });

    it('is undone when nobody confirms it, and leaves alone what others have changed meanwhile', async () => {
      await bastion();
      await lab.listen(22);
      await ready();
      const before = await saved();
      const { child, said } = await shutting(8);
      expect(await reaches()).toEqual(SHUT);
      await server(`iptables-${backend}`, '-w', '-I', 'INPUT', '1', '-s', '203.0.113.9/32', '-j', 'DROP');
      expect(await codeOf(child)).toBe(1);
      expect(said()).toContain('undone, as nobody confirmed it within 8 s: the rules are as they were\n');
      expect(await saved()).toBe(before.replace('-A INPUT', '-A INPUT -s 203.0.113.9/32 -j DROP\n-A INPUT'));
      await server(`iptables-${backend}`, '-w', '-D', 'INPUT', '1');
      expect(await saved()).toBe(before);
      expect(await reaches()).toEqual(OPEN);
      expect(leftovers()).toEqual([]);
    });

    describe.each(['SIGKILL', 'SIGHUP'] as const)('with %s for the command', (signal) => {
      it('is undone all the same, and can be confirmed until then', async () => {
        await bastion();
        await ready();
        const before = await saved();
        const first = await shutting(8);
        const shut = await saved();
        first.child.kill(signal);
        await once(first.child, 'exit');
        expect(await saved()).toBe(shut);
        await until(async () => (await saved()) === before, 'the rules that were there');
        await until(() => leftovers().length === 0, 'a state folder without traces');
        const second = await shutting(30);
        second.child.kill(signal);
        await once(second.child, 'exit');
        expect((await rules('--confirm')).status).toBe(0);
        expect(await saved()).toBe(shut);
        expect(guards()).toEqual([]);
      });
    });

    it('is undone when the process that waits is killed or told to end, and at Ctrl-C', async () => {
      await bastion();
      await ready();
      const before = await saved();
      for (const end of [
        () => kill(guards(), 'SIGKILL'),
        () => kill(guards(), 'SIGTERM'),
        (child: ChildProcess) => child.kill('SIGINT'),
      ]) {
        const { child, said } = await shutting(40);
        expect(await saved()).not.toBe(before);
        end(child);
        expect(await codeOf(child)).toBe(1);
        expect(said()).toContain('the rules are as they were\n');
        expect(await saved()).toBe(before);
      }
    });

    it('is confirmed by y at the terminal, undone by n, and left alone by anything else that is typed there', async () => {
      await bastion();
      await ready();
      const before = await saved();
      const command = `${process.execPath} ${MAIN} rules -c ${config} --shut`;
      for (const [typed, answer, ends] of [
        ['\n\nmaybe\n', 'Type y to keep it shut, or n to undo it now.', 'undone, as nobody'],
        ['n\n', '', 'undone, as you asked for it'],
        ['y\n', '', 'confirmed: what was shut'],
      ] as const) {
        const limited = typed === 'y\n' ? command : `${command} --confirm 8`;
        const terminal = lab.spawn('server', ['script', '-qec', limited, '/dev/null']);
        const said = heard(terminal);
        await until(() => said().includes('Then type y and Enter here'), `the question in:\n${said()}`);
        terminal.stdin?.write(typed);
        await until(() => said().includes(ends), `"${ends}" in:\n${said()}`);
        expect(said()).toContain(answer);
        expect((await saved()) === before).toBe(typed !== 'y\n');
      }
      expect(guards()).toEqual([]);
    });

    it('is undone when the terminal is lost', async () => {
      await bastion();
      await ready();
      const before = await saved();
      const command = `${process.execPath} ${MAIN} rules -c ${config} --shut --confirm 8`;
      const terminal = lab.spawn('server', ['script', '-qec', command, '/dev/null']);
      const said = heard(terminal);
      await until(() => said().includes('Then type y and Enter here'), `the question in:\n${said()}`);
      terminal.kill('SIGKILL');
      expect(await saved()).not.toBe(before);
      await until(async () => (await saved()) === before, 'the rules that were there');
    });

    it('refuses what would shut the port for good', async () => {
      await bastion();
      const before = await saved();
      const unlogged = await rules('--shut', '--confirm', '0');
      expect(unlogged.status).toBe(69);
      expect(unlogged.stderr).toMatch(
        /^nothing is shut: over IPv4, there is no chain KNOCKD, .*, knocktail rules -c \S+ --apply\n$/,
      );
      await server(process.execPath, MAIN, 'rules', '-c', config, '--apply');
      const idle = await rules('--shut', '--confirm', '0');
      expect(idle.stderr).toContain('nothing is shut: no knocktail runs here, so no door opens');
      await server(`iptables-${backend}`, '-w', '-F', 'KNOCKD-LOG');
      expect((await rules('--shut', '--confirm', '5')).stderr).toMatch(
        /nothing is shut: door ssh is deaf over IPv4: 4438\/tcp is not logged.*, knocktail rules -c \S+ --apply\n/,
      );
      expect((await rules('--shut')).stderr).toContain(
        'there is no terminal to confirm at, add --confirm 60',
      );
      writeFileSync(config, `${readFileSync(config, 'utf8')}\nwrong: 1\n`);
      expect((await rules('--shut', '--confirm', '0')).status).toBe(78);
      writeFileSync(config, readFileSync(config, 'utf8').replace('\nwrong: 1\n', ''));
      await server(process.execPath, MAIN, 'rules', '-c', config, '--remove');
      expect(await saved()).toBe(before);
    });

    /** What a confirmation needs, and nobody else. */
    const leftovers = () => {
      const state = join(lab.folder, 'state');
      return existsSync(state) ? readdirSync(state).filter((name) => name.startsWith('shut.')) : [];
    };

    /** Those of this lab. */
    const guards = () =>
      readdirSync('/proc')
        .map(Number)
        .filter((pid) => Number.isSafeInteger(pid) && textOf(`/proc/${pid}/cmdline`).includes('shut-guard'))
        .filter((pid) => pendingPid() === pid);

    const pendingPid = () => {
      const path = join(lab.folder, 'state', 'shut.pending');
      return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).pid : null;
    };
  });
}

function kill(pids: readonly number[], signal: 'SIGKILL' | 'SIGTERM'): void {
  expect(pids.length).toBe(1);
  for (const pid of pids) process.kill(pid, signal);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
