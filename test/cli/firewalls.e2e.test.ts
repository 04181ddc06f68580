/** Firewalls as they are found on real hosts: sound ones, native tables of nft, and kernels that lack a part. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import type { Need } from '../lab/needs.ts';
import { type Executed, Lab, SERVER, until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
const NEEDS: readonly Need[] = ['root', 'ip', 'kernel log'];
const KNOCK = ['4438', '1813:udp', '8235'];
const SOUND = [
  '-i lo -j ACCEPT',
  '-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
  '-p tcp --dport 443 -j ACCEPT',
  '-j KNOCKD',
];

let lab: Lab;
let config: string;
beforeEach(() => {
  lab = new Lab();
  config = join(lab.folder, 'knock.yaml');
});
afterEach(() => lab.close());

function configure({
  firewall = 'iptables: auto',
  doors = `{ ssh: { sequence: [${KNOCK}], tcpflags: [syn], open: { port: 22, for: 30s } } }`,
  log = 'from: kmsg',
  sweepGuard = 8,
} = {}): void {
  const text = `log: { ${log}, prefix: "${lab.prefix}" }\nfirewall: { ${firewall} }\nstate: state\nsweep_guard: ${sweepGuard}\ndoors: ${doors}\n`;
  writeFileSync(config, text, { mode: 0o600 });
}

const run = (...argv: readonly string[]): Promise<Executed> => lab.exec('server', argv);
const knocktail = (command: string, ...options: readonly string[]): Promise<Executed> =>
  run(process.execPath, MAIN, command, '-c', config, ...options);

async function server(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...argv);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** `STATUS: DETAIL` of each finding of a check. */
async function doctor(): Promise<(check: string) => readonly string[]> {
  const { stdout } = await knocktail('doctor', '--json');
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return (check) => findings.filter((it) => it.check === check).map((it) => `${it.status}: ${it.detail}`);
}

/** Starts a daemon; resolves when it is ready to what it has said, which goes on. */
async function daemon(): Promise<{ readonly said: () => string; readonly pid: number }> {
  const child = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  await until(() => /\bready: /.test(said), 'a daemon that is ready');
  return { said: () => said, pid: child.pid ?? 0 };
}

for (const backend of ['nft', 'legacy'] as const) {
  const tools = [`iptables-${backend}`, `ip6tables-${backend}`];

  describeWith([...NEEDS, backend, 'knock'], `a sound firewall of ${backend}`, () => {
    beforeEach(async () => {
      for (const tool of tools) {
        await server(tool, '-w', '-N', 'KNOCKD');
        for (const rule of SOUND) await server(tool, '-w', '-A', 'INPUT', ...rule.split(' '));
        const log = ['-j', 'LOG', '--log-prefix', lab.prefix];
        await server(
          tool,
          '-w',
          '-A',
          'INPUT',
          '-p',
          'tcp',
          '-m',
          'multiport',
          '--dports',
          '4438,8235',
          ...log,
        );
        await server(tool, '-w', '-A', 'INPUT', '-p', 'udp', '--dport', '1813', ...log);
        for (const proto of ['tcp', 'udp'])
          await server(tool, '-w', '-A', 'INPUT', '-p', proto, '-j', 'DROP');
      }
    });
    const saved = async (): Promise<string> =>
      (await Promise.all(tools.map((tool) => server(tool, '-w', '-S')))).join('');

    it.each(['true', 'false'])(
      'is one to the doctor, to the daemon and to health (manage: %s)',
      async (manage) => {
        configure({ firewall: `iptables: ${backend}, manage: ${manage}` });
        const before = await saved();
        const of = await doctor();
        for (const family of [4, 6]) {
          for (const check of ['KNOCKD', 'sessions', 'LOG rules'])
            expect(of(`${check}, IPv${family}`)).toEqual([expect.stringMatching(/^ok/)]);
        }
        const { said } = await daemon();
        expect(await saved()).toBe(before);
        expect((await knocktail('health')).stdout).toMatch(/^well: /);
        expect(said()).not.toMatch(/deaf|jump/);
        await lab.listen(22);
        await lab.exec('client', ['knock', '-d', '20', SERVER.v4, ...KNOCK]);
        await until(
          async () => (await lab.connect('client', SERVER.v4, 22)).outcome === 'open',
          `the door:\n${said()}`,
        );
      },
    );

    it('is one no more where a rule drops what the door lets in, which the daemon mends', async () => {
      configure({ firewall: `iptables: ${backend}, manage: false` });
      for (const tool of tools)
        await server(tool, '-w', '-I', 'INPUT', '2', '-p', 'tcp', '--dport', '22', '-j', 'DROP');
      const late = (status: string, end = '') =>
        `${status}: the jump from INPUT to KNOCKD comes too late: -A INPUT -p tcp -m tcp --dport 22 -j DROP is before it${end}`;
      expect((await doctor())('KNOCKD, IPv4')).toEqual([late('fail')]);
      configure({ firewall: `iptables: ${backend}` });
      const { said } = await daemon();
      expect(said()).toMatch(/ip6?tables-\w+: moved the jump from INPUT to KNOCKD, now rule 2/);
      expect((await doctor())('KNOCKD, IPv6')).toEqual([expect.stringMatching(/^ok/)]);
    });
  });

  describeWith([...NEEDS, backend], `what rules --apply makes through ${backend}`, () => {
    it('leaves established connections to the rules behind it, and says where none accepts them', async () => {
      configure({ firewall: `iptables: ${backend}` });
      for (const tool of tools) await server(tool, '-w', '-P', 'INPUT', 'DROP');
      const { stdout } = await knocktail('rules', '--apply');
      expect(stdout).toContain(
        `iptables-${backend}: nothing in INPUT accepts established connections before -P INPUT DROP`,
      );
      for (const tool of tools) {
        const rules = (await server(tool, '-w', '-S', 'KNOCKD-LOG')).split('\n');
        expect(rules[1]).toBe('-A KNOCKD-LOG -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN');
        expect(rules.filter((rule) => rule.endsWith('-j ACCEPT'))).toEqual([]);
      }
    });

    it.each(['csf.v4', 'fail2ban.v4', 'redhat.v4', 'ufw.v4'])(
      'is the same by script, among the rules of %s',
      async (name) => {
        configure({ firewall: `iptables: ${backend}` });
        const text = readFileSync(`fixtures/firewalls/${name}`, 'utf8');
        const lines = text.split('\n').filter((line) => line !== '' && !line.includes('KNOCKD'));
        const document = ['*filter', ...lines.map(asRestored), 'COMMIT', ''].join('\n');
        const file = join(lab.folder, 'rules.restore');
        writeFileSync(file, document);
        const load = () => server('sh', '-c', `iptables-${backend}-restore < ${file}`);
        await load();
        const applied = await knocktail('rules', '--apply');
        expect(applied.stderr).toBe('');
        const byApply = await server(`iptables-${backend}`, '-w', '-S');
        await load();
        const script = join(lab.folder, 'rules.sh');
        writeFileSync(script, (await knocktail('rules')).stdout);
        const { stderr } = await run('sh', script);
        expect(await server(`iptables-${backend}`, '-w', '-S')).toBe(byApply);
        expect(byApply).toMatch(/-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-CLOSED\n/);
        expect(byApply).not.toContain('-j KNOCKD-REST\n');
        for (const said of [applied.stdout, stderr]) expect(said).not.toContain('sweep');
      },
    );
  });
}

/** A line of `iptables -S` as iptables-restore wants it. */
function asRestored(line: string): string {
  return line.replace(/^-P (\S+) (\S+)$/, ':$1 $2 [0:0]').replace(/^-N (\S+)$/, ':$1 - [0:0]');
}

describeWith([...NEEDS, 'nft', 'nftables'], 'a table that nft has made', () => {
  beforeEach(() => configure({ firewall: 'iptables: nft' }));

  const nft = async (text: string): Promise<void> => {
    const file = join(lab.folder, 'native.nft');
    writeFileSync(file, text);
    await server('nft', '-f', file);
  };
  const NATIVE =
    'chain INPUT { type filter hook input priority filter; policy drop; ct state vmap { established : accept, related : accept }\n}';

  it('is named by run, rules and the doctor where iptables needs it, and left as it was', async () => {
    await nft(`table ip filter { ${NATIVE}\n}`);
    const before = await server('nft', 'list', 'ruleset');
    const what = "chain `INPUT' in table `filter' is incompatible, use 'nft' tool, nft made this table";
    for (const command of [['rules', '--apply'], ['run'], ['open', 'ssh', '192.0.2.7']]) {
      const { status, stderr } = await knocktail(command[0] ?? '', ...command.slice(1));
      expect([command[0], status, stderr]).toEqual([command[0], 69, expect.stringContaining(what)]);
      expect(stderr).not.toContain('make it');
    }
    const of = await doctor();
    expect(of('KNOCKD, IPv4')).toEqual([expect.stringContaining("is incompatible, use 'nft' tool")]);
    expect(of('KNOCKD, IPv6')).toEqual([expect.stringContaining('warn: there is no chain KNOCKD')]);
    expect(await server('nft', 'list', 'ruleset')).toBe(before);
  });

  it('for IPv6 alone leaves IPv4 to the daemon', async () => {
    await nft(`table ip6 filter { ${NATIVE}\n}`);
    const { stdout, status } = await knocktail('rules', '--apply');
    expect(status).toBe(0);
    expect(stdout).toContain('no packet filter for IPv6 here: ip6tables-nft -w -S INPUT');
    const { said } = await daemon();
    expect(said()).toContain('doors open for IPv4 alone');
    expect((await doctor())('KNOCKD, IPv6')).toEqual([
      expect.stringMatching(/^warn: .*doors open for IPv4 alone$/),
    ]);
    expect(await server('nft', 'list', 'table', 'ip6', 'filter')).not.toContain('KNOCKD');
  });

  it('by rules --format nft is what the doctor, the daemon and health find logged', async () => {
    const file = join(lab.folder, 'rules.nft');
    writeFileSync(file, (await knocktail('rules', '--format', 'nft')).stdout);
    await server('nft', '-f', file);
    const of = await doctor();
    for (const family of [4, 6])
      expect(of(`LOG rules, IPv${family}`)).toEqual(['ok: each of 3 knocks is logged']);
    const { said } = await daemon();
    expect((await knocktail('health')).stdout).toMatch(/^well: /);
    expect(said()).not.toContain('deaf');
    await server('nft', 'delete', 'table', 'inet', 'KNOCKD');
    expect((await knocktail('health')).stdout).toContain('door ssh is deaf: 4438/tcp is not logged');
  });

  it('that drops what a door lets in is found, whatever iptables accepts', async () => {
    await nft(
      'table inet mine { chain in { type filter hook input priority 10; tcp dport { 22, 23 } drop; }\n}',
    );
    await knocktail('rules', '--apply');
    expect((await doctor())('KNOCKD, IPv4')).toEqual([
      expect.stringMatching(
        /^fail: an opening of 22\/tcp does not help: rule of nft in inet mine in, handle \d+ drops/,
      ),
    ]);
  });
});

describeWith([...NEEDS, 'iptables'], 'a door that is no longer logged', () => {
  it.each(['iptables', 'ip6tables'])(
    'is deaf once its LOG rules are gone from %s, which health says',
    async (tool) => {
      configure();
      await knocktail('rules', '--apply');
      const { said } = await daemon();
      expect((await knocktail('health')).stdout).toMatch(/^well: /);
      await server(tool, '-w', '-D', 'INPUT', '-j', 'KNOCKD-LOG');
      const { status, stdout } = await knocktail('health');
      expect(status).toBe(1);
      const over = tool === 'iptables' ? 'IPv4' : 'IPv6';
      const sentence = `door ssh is deaf over ${over}: 4438/tcp is not logged: knocktail rules -c ${config} --apply`;
      expect(stdout).toBe(`${sentence}\n`);
      expect(said()).not.toContain('deaf');
    },
  );

  it('is deaf once its ports have changed, which the daemon says at the reload, and not after the command', async () => {
    // With a sweep guard, steps are logged as other ports are.
    configure({ sweepGuard: 0 });
    await knocktail('rules', '--apply');
    const { said } = await daemon();
    const sequence = '[4438, 1813:udp, 9999]';
    const doors = `{ ssh: { sequence: ${sequence}, tcpflags: [syn], open: { port: 22, for: 30s } } }`;
    configure({ sweepGuard: 0, doors });
    const warning = `warning: door ssh is deaf: 9999/tcp is not logged`;
    await until(() => said().includes(warning), `the warning in:\n${said()}`);
    const [, command = ''] = /9999\/tcp is not logged.*: (knocktail .*)/.exec(said()) ?? [];
    expect(command).toBe(`knocktail rules -c ${config} --apply`);
    expect((await knocktail('health')).stdout).toContain('door ssh is deaf: 9999/tcp is not logged');
    await server('sh', '-c', command.replace('knocktail', `${process.execPath} ${MAIN}`));
    expect((await knocktail('health')).stdout).toMatch(/^well: /);
  });

  it('is none where its log is that of other hosts, or only commands follow from a file', async () => {
    writeFileSync(lab.log, '');
    const door = `{ a: { sequence: [${KNOCK}], start_command: "true" } }`;
    configure({ log: `path: ${lab.log}`, doors: door });
    const { said } = await daemon();
    expect((await knocktail('health')).stdout).toMatch(/^well: /);
    configure({ log: `path: ${lab.log}, host: some-router` });
    expect((await knocktail('health')).stdout).toMatch(/^well: /);
    expect(said()).not.toContain('deaf');
  });
});

describeWith([...NEEDS, 'nft', 'legacy', 'unshare'], 'an iptables that cannot be used at all', () => {
  const UNABLE: Readonly<Record<string, string>> = {
    nft: 'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument',
    'nft of another version': 'iptables/1.8.7 Failed to initialize nft: Protocol not supported',
  };

  /** Runs a command where the programs of nft say that this kernel lacks it. */
  async function without(words: string, ...argv: readonly string[]): Promise<Executed> {
    const broken = join(lab.folder, 'broken');
    const version = 'case "$*" in -V|--version) echo "iptables v1.8.9 (nf_tables)"; exit;; esac';
    writeFileSync(broken, `#!/bin/sh\n${version}\necho "${words}" >&2\nexit 4\n`, { mode: 0o755 });
    const mounted = `mount --make-rprivate / && mount --bind ${broken} /usr/sbin/xtables-nft-multi && exec "$@"`;
    return run('unshare', '-m', 'sh', '-c', mounted, 'sh', ...argv);
  }

  it.each(Object.entries(UNABLE))('gives way to the other one: %s', async (_, words) => {
    configure();
    const open = [process.execPath, MAIN, 'open', 'ssh', '192.0.2.9', '-c', config];
    const { status, stderr } = await without(words, ...open);
    expect([status, stderr]).toEqual([0, expect.stringContaining('so openings go to iptables-legacy')]);
    expect(await server('iptables-legacy', '-w', '-S', 'KNOCKD')).toContain('192.0.2.9');
  });

  it('is named with what to write where it was asked for', async () => {
    configure({ firewall: 'iptables: nft' });
    const { status, stderr } = await without(
      UNABLE['nft'] ?? '',
      process.execPath,
      MAIN,
      'run',
      '-c',
      config,
    );
    expect([status, stderr]).toEqual([69, expect.stringContaining('firewall.iptables: nft or legacy')]);
  });
});

describeWith([...NEEDS, 'iptables'], 'a kernel that lacks a part', () => {
  /** Programs that refuse a rule in which this stands, as iptables does. */
  function lacking(pattern: string): void {
    const folder = join(lab.folder, 'lacking');
    mkdirSync(folder);
    for (const tool of ['iptables', 'ip6tables']) {
      const refuse = `echo "${tool}: No chain/target/match by that name." >&2; exit 1`;
      const script = `#!/bin/sh\ncase " $* " in *"${pattern}"*) ${refuse};; esac\nexec ${tool} "$@"\n`;
      writeFileSync(join(folder, tool), script, { mode: 0o755 });
    }
    configure({ firewall: `iptables: ${join(folder, 'iptables')}` });
  }

  it.each([
    [' -j LOG ', 'no LOG target (xt_LOG, nf_log_syslog)'],
    [' -m hashlimit ', 'no hashlimit match (xt_hashlimit)'],
    [' -m multiport ', 'no multiport match (xt_multiport)'],
    [' -m conntrack ', 'no conntrack match (xt_conntrack, nf_conntrack)'],
  ])('is named by rules, which make nothing then: %s', async (pattern, what) => {
    lacking(pattern);
    const { status, stderr } = await knocktail('rules', '--apply');
    expect([status, stderr]).toEqual([69, expect.stringContaining(`this kernel has ${what}`)]);
    for (const tool of ['iptables', 'ip6tables'])
      expect(await server(tool, '-w', '-S')).not.toMatch(/KNOCKD/);
  });

  it('is named by the doctor, with another remedy than one that would fail', async () => {
    lacking(' -j LOG ');
    const { stdout } = await knocktail('doctor', '--json');
    const finding = stdout.split('\n').find((line) => line.includes('"LOG rules, IPv4"')) ?? '{}';
    expect(JSON.parse(finding)).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('this kernel has no LOG target (xt_LOG, nf_log_syslog)'),
      remedy: expect.stringContaining('modprobe xt_LOG'),
    });
  });

  it('keeps the daemon from starting where it is one that each opening needs, and leaves no chain', async () => {
    lacking(' -m comment ');
    const { status, stderr } = await knocktail('run');
    expect([status, stderr]).toEqual([
      69,
      expect.stringContaining('this kernel has no comment match (xt_comment)'),
    ]);
    expect(await server('iptables', '-w', '-S')).not.toContain('KNOCKD');
  });
});
