/** The rules that are printed and applied, in the real kernel: what they log, and that they go without a trace. */

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bashCommand } from '../../src/tools/setup/knock-command.ts';
import { asPort } from '../attempt/traffic.ts';
import { describeWith } from '../lab/describe.ts';
import { ENV, type Need } from '../lab/needs.ts';
import { CLIENT, Lab, linesOf, SERVER, until } from '../lab.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const KNOCK = ['4438', '1813:udp', '8235'];
const SEQUENCE = [
  { proto: 'tcp', port: asPort(4438) },
  { proto: 'udp', port: asPort(1813) },
  { proto: 'tcp', port: asPort(8235) },
] as const;
/** As people have them; neighbour discovery has to pass. */
const FIREWALL = [
  '-A INPUT -i lo -j ACCEPT',
  '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT',
  '-A INPUT -p tcp -j DROP',
  '-A INPUT -p udp -j DROP',
];
const NEEDS: readonly Need[] = ['root', 'ip', 'kernel log', 'knock', 'bash', 'nmap'];

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

async function server(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.exec('server', argv);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}

function writeConfig(
  name: string,
  iptables = 'auto',
  more = '',
  firewall = `{ iptables: ${iptables} }`,
): string {
  const path = join(lab.folder, name);
  const door = `{ sequence: [${KNOCK}], tcpflags: [syn], open: { port: 22, for: 30s } }`;
  writeFileSync(
    path,
    `log: { from: kmsg, prefix: "${lab.prefix}" }\nfirewall: ${firewall}\nstate: state\n${more}\ndoors: { ssh: ${door} }\n`,
  );
  return path;
}

const rules = (config: string, ...options: readonly string[]) =>
  server(process.execPath, MAIN, 'rules', '-c', config, ...options);

/** The ports of the lines with this lab's prefix, in order. */
const logged = () => linesOf(lab.log).map((line) => / DPT=(\d+) /.exec(line)?.[1]);

for (const backend of ['nft', 'legacy'] as const) {
  describeWith([...NEEDS, backend], `the rules for iptables, through ${backend}`, () => {
    let config: string;
    beforeEach(async () => {
      config = writeConfig('knock.yaml', backend);
      for (const tool of ['iptables', 'ip6tables']) {
        for (const rule of FIREWALL) await server(`${tool}-${backend}`, '-w', ...rule.split(' '));
      }
    });

    /** Both families, without the counters and the time of day. */
    async function saved(): Promise<string> {
      const texts = [await server(`iptables-${backend}-save`), await server(`ip6tables-${backend}-save`)];
      return texts.join('').replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
    }

    async function script(): Promise<string> {
      const path = join(lab.folder, 'rules.sh');
      writeFileSync(path, await rules(config));
      return server('sh', path);
    }

    async function restore(): Promise<void> {
      for (const [family, tool] of [
        ['4', 'iptables'],
        ['6', 'ip6tables'],
      ] as const) {
        const path = join(lab.folder, 'rules.restore');
        writeFileSync(path, await rules(config, '--format', 'iptables-restore', '--family', family));
        await server('sh', '-c', `${tool}-${backend}-restore --noflush < ${path}`);
      }
    }

    it('are the same applied, run as a script and restored, and the same when that is done twice', async () => {
      const before = await saved();
      const ways = [() => rules(config, '--apply'), script, restore];
      const results: string[] = [];
      for (const way of ways) {
        await way();
        const once = await saved();
        await way();
        expect(await saved()).toBe(once);
        results.push(once);
        await rules(config, '--remove');
        expect(await saved()).toBe(before);
      }
      expect(new Set(results).size).toBe(1);
      expect(results[0]).toMatch(
        /-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-CLOSED\n-A INPUT -i lo .*\n.*--dport 80 .*\n-A INPUT -p tcp -j DROP/,
      );
    });

    it('go from chains that are hooks no longer, too', async () => {
      const before = await saved();
      const hooks = `{ iptables: ${backend}, hooks: [INPUT, FORWARD] }`;
      await rules(writeConfig('wide.yaml', backend, '', hooks), '--apply');
      await rules(config, '--remove');
      expect(await saved()).toBe(before);
    });

    it('have nothing left to do once they stand, whichever way they came', async () => {
      await script();
      const told = await rules(config, '--apply');
      for (const tool of ['iptables', 'ip6tables'])
        expect(told).toContain(`${tool}-${backend}: nothing to do\n`);
      expect(told).not.toMatch(/made|moved|wrote|removed/);
    });

    it('are as a daemon wants them: it moves no jump', async () => {
      await rules(config, '--apply');
      const before = await saved();
      const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
      let said = '';
      daemon.stdout?.on('data', (text) => (said += text));
      await until(() => /\bready: /.test(said), 'a daemon that is ready');
      expect(await saved()).toBe(before);
    });

    it.each(['v4', 'v6'] as const)('log a knock over IP%s, and the door opens', async (family) => {
      await rules(config, '--apply');
      await lab.listen(22);
      const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
      let said = '';
      for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
      await until(() => /\bready: /.test(said), 'a daemon that is ready');
      expect((await lab.connect('client', SERVER[family], 22)).outcome).toBe('dropped');
      await lab.exec('client', ['knock', '-d', '20', SERVER[family], ...KNOCK]);
      await until(() => said.includes(': opened '), `an opening in:\n${said}`);
      expect((await lab.connect('client', SERVER[family], 22)).outcome).toBe('open');
    });

    it('log each step once, and of other ports those at which no program listens', async () => {
      await lab.pumpLog();
      await lab.listen(80);
      await rules(config, '--apply');
      await lab.exec('client', ['bash', '-c', bashCommand(SERVER.v4, SEQUENCE)]);
      await lab.exec('client', ['knock', '-d', '20', SERVER.v4, '80', '5000', '5001:udp', '8235']);
      await until(() => logged().length >= 6, `six lines in ${lab.log}`);
      expect(logged()).toEqual(['4438', '1813', '8235', '5000', '5001', '8235']);
    });

    it('log what a door would take at another port, whatever a rule behind drops it for', async () => {
      await lab.pumpLog();
      for (const tool of ['iptables', 'ip6tables'])
        await server(
          `${tool}-${backend}`,
          '-w',
          '-I',
          'INPUT',
          '1',
          '-m',
          'conntrack',
          '--ctstate',
          'INVALID',
          '-j',
          'DROP',
        );
      const flagless = join(lab.folder, 'flagless.yaml');
      writeFileSync(flagless, readFileSync(config, 'utf8').replace('tcpflags: [syn], ', ''));
      await rules(flagless, '--apply');
      // A FIN out of nowhere is of no connection that conntrack could know.
      for (const host of [SERVER.v4, SERVER.v6]) {
        const scan = await lab.exec('client', [
          'nmap',
          ...(host === SERVER.v6 ? ['-6'] : []),
          '-n',
          '-Pn',
          '-sF',
          '-p',
          '5000',
          host,
        ]);
        expect(scan.status, scan.stderr).toBe(0);
      }
      const lines = () =>
        new Set(linesOf(lab.log).map((line) => / DPT=5000 /.test(line) && / SRC=(\S+)/.exec(line)?.[1]));
      await until(() => lines().has(CLIENT.v4) && lines().size >= 2, `lines of 5000 in ${lab.log}`);
    });

    it('are, on a kernel without the socket match, those that log what is dropped', async () => {
      const wrapper = join(lab.folder, 'bin');
      mkdirSync(wrapper);
      for (const tool of ['iptables', 'ip6tables']) {
        const lacks = `case " $* " in *" -m socket "*) echo "${tool}: unknown option --nowildcard" >&2; exit 2;; esac`;
        const script = `#!/bin/sh\n${lacks}\nexec ${tool}-${backend} "$@"\n`;
        writeFileSync(join(wrapper, tool), script, { mode: 0o755 });
      }
      const lacking = writeConfig('lacking.yaml', join(wrapper, 'iptables'));
      const told = await rules(lacking, '--apply');
      expect(told).toContain('this kernel has no socket match (xt_socket)');
      const applied = await saved();
      expect(applied).toMatch(/--dport 80 .*\n-A INPUT -j KNOCKD-REST\n-A INPUT -p tcp -j DROP/);
      await rules(lacking, '--remove');
      const path = join(lab.folder, 'rules.sh');
      writeFileSync(path, await rules(lacking));
      await server('sh', path);
      expect(await saved()).toBe(applied);
    });

    it('log no more than a burst of one source, and of another what it sends', async () => {
      await lab.pumpLog();
      await rules(config, '--apply');
      const flood = Array.from({ length: 80 }, () => '1813:udp');
      await lab.exec('client', ['knock', '-d', '0', SERVER.v4, ...flood]);
      const other = 'ip addr del 10.77.0.2/24 dev wire && ip addr add 10.77.0.3/24 dev wire';
      await lab.exec('client', ['bash', '-c', `${other} && knock ${SERVER.v4} 4438`]);
      await until(() => logged().includes('4438'), 'the line of the other source');
      const count = logged().filter((port) => port === '1813').length;
      expect(count).toBeGreaterThanOrEqual(40);
      expect(count).toBeLessThan(80);
    });

    it('are removed but for a chain that others use', async () => {
      await rules(config, '--apply');
      await server(`iptables-${backend}`, '-w', '-A', 'KNOCKD', '-s', '192.0.2.1', '-j', 'ACCEPT');
      expect(await rules(config, '--remove')).toContain(
        'KNOCKD stays, as 1 of its rules are not of knocktail\n',
      );
      const left = await server(`iptables-${backend}`, '-w', '-S');
      expect(left).toContain('-A INPUT -j KNOCKD\n');
      expect(left).not.toContain('KNOCKD-');
    });

    it('are what the doctor misses before, and finds afterwards', async () => {
      const doctor = async () => {
        const argv = [process.execPath, MAIN, 'doctor', '-c', config, '--json'];
        const { status, stdout } = await lab.exec('server', argv);
        const findings = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        const bad = findings.filter((it) => it.status === 'fail').map((it) => it.check);
        return { status, bad, checks: findings.map((it) => it.check) };
      };
      expect(await doctor()).toMatchObject({ status: 2, bad: ['LOG rules, IPv4', 'LOG rules, IPv6'] });
      await rules(config, '--apply');
      const { bad, checks } = await doctor();
      expect(bad).toEqual([]);
      expect(checks).toEqual(
        expect.arrayContaining(['backend', 'KNOCKD, IPv4', 'KNOCKD, IPv6', 'LOG rules, IPv6']),
      );
    });

    it('need a hook that is there', async () => {
      writeConfig('knock.yaml', backend);
      const path = join(lab.folder, 'hooks.yaml');
      writeFileSync(
        path,
        `firewall: { iptables: ${backend}, hooks: [DOCKER-USER] }\ndoors: { a: { sequence: [4438, 1813, 8235], open: { port: 22, for: 1s } } }\n`,
      );
      const { status, stderr } = await lab.exec('server', [
        process.execPath,
        MAIN,
        'rules',
        '-c',
        path,
        '--apply',
      ]);
      expect(status).toBe(69);
      expect(stderr).toContain('there is no such chain (DOCKER-USER)');
    });
  });
}

describeWith([...NEEDS, 'iptables'], 'what init writes', () => {
  it.each(['knock', 'bash'])('opens by the line that it prints for %s', async (program) => {
    const config = join(lab.folder, 'knock.yaml');
    const told = await server(process.execPath, MAIN, 'init', '-c', config);
    // All namespaces share one kernel log, so this one needs a prefix of its own.
    const text = readFileSync(config, 'utf8')
      .replace('from: auto ', 'from: kmsg ')
      .replace('"KNOCK "', `"${lab.prefix}"`);
    writeFileSync(config, text.replace('/var/lib/knocktail', join(lab.folder, 'state')));
    await rules(config, '--apply');
    for (const proto of ['tcp', 'udp'])
      await server('iptables', '-w', '-A', 'INPUT', '-p', proto, '-j', 'DROP');
    await lab.listen(22);
    const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
    let said = '';
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on('data', (text) => (said += text));
    await until(() => /\bready: /.test(said), 'a daemon that is ready');
    const line =
      told.split('\n').find((line) => line.includes(program === 'knock' ? '  knock HOST' : '/dev/$p')) ?? '';
    await lab.exec('client', ['bash', '-c', line.trim().replaceAll('HOST', SERVER.v4)]);
    await until(() => said.includes(': opened '), `an opening in:\n${said}`);
    expect((await lab.connect('client', SERVER.v4, 22)).outcome).toBe('open');
  });
});

describeWith([...NEEDS, 'nftables'], 'the table for nft', () => {
  it.each(['simple', 'knockd'])('of fixtures/rules/%s is one that nft takes', async (name) => {
    await server('nft', '-c', '-f', `fixtures/rules/${name}/rules.nft`);
  });

  it('is the same when it is loaded twice, and logs a knock over both families', async () => {
    await lab.pumpLog();
    const path = join(lab.folder, 'rules.nft');
    writeFileSync(path, await rules(writeConfig('knock.yaml'), '--format', 'nft'));
    await server('nft', '-f', path);
    const once = await server('nft', 'list', 'ruleset');
    await server('nft', '-f', path);
    expect(await server('nft', 'list', 'ruleset')).toBe(once);
    for (const host of [SERVER.v4, SERVER.v6]) {
      await lab.exec('client', ['knock', '-d', '20', host, ...KNOCK, '5000']);
    }
    await lab.listen(5001);
    await lab.exec('client', ['knock', SERVER.v4, '5001']);
    await until(() => logged().length >= 8, `eight lines in ${lab.log}`);
    expect(logged()).toEqual([...Array(2)].flatMap(() => ['4438', '1813', '8235', '5000']));
  });

  it('takes an interface, a host, networks, flags and a ping', async () => {
    const path = join(lab.folder, 'rules.nft');
    const config = join(lab.folder, 'knock.yaml');
    const door =
      '{ sequence: [4438, "icmp:64", icmp, 8235], tcpflags: [ack, "!rst"], target: 192.0.2.5, from: [10.0.0.0/8], open: { port: 22, for: 1s } }';
    writeFileSync(config, `interface: wire\nfirewall: { hooks: [INPUT, FORWARD] }\ndoors: { a: ${door} }\n`);
    writeFileSync(path, await rules(config, '--format', 'nft'));
    await server('nft', '-c', '-f', path);
  });
});

describeWith(['root', 'ip', 'rsyslogd', 'logrotate'], 'the files for other programs', () => {
  const run = promisify(execFile);

  it.each(['simple', 'doors', 'knockd'])('of fixtures/rules/%s are taken by rsyslogd', async (name) => {
    const { stderr } = await run('rsyslogd', ['-N1', '-f', `fixtures/rules/${name}/rules.rsyslog.conf`], {
      env: ENV,
    });
    expect(stderr).not.toMatch(/error|warning/i);
  });

  it('are taken by logrotate, which rotates', async () => {
    const log = join(lab.folder, 'knock.log');
    const config = join(lab.folder, 'logrotate.yaml');
    writeFileSync(log, 'line\n', { mode: 0o640 });
    writeFileSync(
      config,
      `log: { path: ${log} }\ndoors: { a: { sequence: [1, 3, 2], open: { port: 22, for: 1s } } }\n`,
    );
    writeFileSync(join(lab.folder, 'conf'), await rules(config, '--format', 'logrotate'), { mode: 0o644 });
    const { stderr } = await run(
      'logrotate',
      ['-d', '-f', '-s', join(lab.folder, 'status'), join(lab.folder, 'conf')],
      { env: ENV },
    );
    expect(stderr).toContain(`renaming ${log} to ${log}.1`);
    expect(stderr).toContain('running postrotate script');
    expect(stderr).not.toMatch(/error/i);
  });
});
