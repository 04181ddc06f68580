/** The doctor on hosts that are well, and on hosts that are broken in one way each. */

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../lab/describe.ts';
import { ENV, type Need } from '../lab/needs.ts';
import { CLIENT, Lab, until } from '../lab.ts';

const MAIN = resolve('dist/main.js');
const NEEDS: readonly Need[] = ['root', 'ip', 'kernel log', 'unshare'];
const STEPS = '4438, 1813:udp, 8235';
const LIMIT_MS = 50_000;

interface Seen {
  readonly status: number;
  /** `CHECK STATUS`, in order. */
  readonly all: readonly string[];
  /** `STATUS: DETAIL` of each finding of a check. */
  of(check: string): readonly string[];
}

let lab: Lab;
let config: string;
beforeEach(() => {
  lab = new Lab();
  config = join(lab.folder, 'knock.yaml');
});
afterEach(() => lab.close());

async function server(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.exec('server', argv);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** A configuration of this lab alone. */
function configure({
  log = '{ from: kmsg, prefix: "PREFIX" }',
  iptables = 'auto',
  more = '',
  doors = `{ ssh: { sequence: [${STEPS}], tcpflags: [syn], open: { port: 22, for: 30s } } }`,
} = {}): void {
  const text = `log: ${log}\nfirewall: { iptables: ${iptables} }\nstate: state\n${more}\ndoors: ${doors}\n`;
  writeFileSync(config, text.replaceAll('PREFIX', lab.prefix));
}

const doctorArgv = (...options: readonly string[]) => [
  process.execPath,
  MAIN,
  'doctor',
  '-c',
  config,
  '--json',
  ...options,
];

async function examined(argv = doctorArgv()): Promise<Seen> {
  const { status, stdout, stderr } = await lab.exec('server', argv);
  expect(stderr).toBe('');
  return seen(status, stdout);
}

function seen(status: number, stdout: string): Seen {
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return {
    status,
    all: findings.map((it) => `${it.check} ${it.status}`),
    of: (check) => findings.filter((it) => it.check === check).map((it) => `${it.status}: ${it.detail}`),
  };
}

const apply = () => server(process.execPath, MAIN, 'rules', '-c', config, '--apply');
const wires = async () => (await server('ip', '-o', 'link')).match(/^\d+: kt-/gm) ?? [];

describeWith([...NEEDS, 'iptables'], 'doctor --knock', () => {
  it('finds its knock in the log over both families, opens nothing and leaves nothing', async () => {
    configure();
    await apply();
    const daemon = lab.spawn('server', [process.execPath, MAIN, 'run', '-c', config, '-D']);
    let said = '';
    daemon.stdout?.on('data', (text) => (said += text));
    await until(() => /\bready: /.test(said), 'a daemon that is ready');
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test, IPv4')).toEqual([
      expect.stringMatching(/^ok: 4438\/tcp from 198\.\S+ was in \/dev\/kmsg within a second$/),
    ]);
    expect(of('self-test, IPv6')).toEqual([
      expect.stringMatching(/^ok: 4438\/tcp from fd\S+ was in \/dev\/kmsg/),
    ]);
    await until(() => /fd[0-9a-f]+:/.test(said), `the second knock in:\n${said}`);
    expect(said).not.toContain(': opened ');
    expect(await wires()).toEqual([]);
  });

  it.each([
    ['a datagram', '[1813:udp, 4438, 8235]', '1813/udp'],
    ['a ping', '["icmp:64", icmp, 8235]', 'a ping'],
  ])('sends %s where that is the first step', async (_, sequence, name) => {
    configure({
      doors: `{ a: { sequence: ${sequence}, open: { port: 22, for: 1s } } }`,
      more: 'ipv6: false',
    });
    await apply();
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test, IPv4')).toEqual([expect.stringContaining(`ok: ${name} from 198.`)]);
    expect(of('self-test, IPv6')).toEqual(['skip: ipv6: false, so none counts']);
  });

  it('tells the log that shows it from the one that nobody feeds', async () => {
    const log = '[{ from: kmsg, prefix: "PREFIX" }, { path: idle.log, prefix: "PREFIX" }]';
    configure({ log, more: 'ipv6: false' });
    writeFileSync(join(lab.folder, 'idle.log'), '');
    await apply();
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test, IPv4')).toEqual([
      expect.stringMatching(/^ok: .* was in \/dev\/kmsg/),
      expect.stringMatching(/^warn: the kernel logged .*, but .*\/idle\.log did not show it within 5 s$/),
    ]);
  });

  it('listens to no log that cannot be read', async () => {
    const folder = '{ path: ., prefix: "PREFIX" }';
    configure({ log: `[{ from: kmsg, prefix: "PREFIX" }, ${folder}]`, more: 'ipv6: false' });
    await apply();
    const skipped = `skip: ${lab.folder} is a folder, name a log file in it`;
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test')).toEqual([skipped]);
    expect(of('self-test, IPv4')).toEqual([expect.stringMatching(/^ok: .* was in \/dev\/kmsg/)]);
    configure({ log: folder, more: 'ipv6: false' });
    const alone = await examined(doctorArgv('--knock'));
    expect(alone.of('self-test')).toContain(skipped);
    expect(alone.of('self-test, IPv4')).toEqual([]);
  });

  it('finds it in a file to which the lines of the kernel come', async () => {
    configure({ log: `{ path: ${lab.log}, prefix: "PREFIX" }`, more: 'ipv6: false' });
    await apply();
    await lab.pumpLog();
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test, IPv4')).toEqual([
      expect.stringMatching(/^ok: .* was in .*kern\.log (within|after) /),
    ]);
  });

  it('misses it where no rule logs it, though all that can be listed looks well', async () => {
    configure({ more: 'ipv6: false' });
    await apply();
    await server('iptables-legacy', '-w', '-t', 'mangle', '-A', 'PREROUTING', '-p', 'tcp', '-j', 'DROP');
    const { status, of } = await examined(doctorArgv('--knock'));
    expect(status).toBe(2);
    expect(of('LOG rules, IPv4')).toEqual(['ok: each of 3 knocks is logged']);
    expect(of('self-test, IPv4')).toEqual([
      expect.stringMatching(/^fail: the kernel logged nothing of 4438\/tcp from \S+ within 5 s$/),
    ]);
  });

  it('says which prefix its knock had, where that is another', async () => {
    configure({ more: 'ipv6: false' });
    const other = lab.prefix.replace('kt-', 'other');
    await server('iptables', '-w', '-A', 'INPUT', '-j', 'LOG', '--log-prefix', other);
    const { of } = await examined(doctorArgv('--knock'));
    const words = `with the prefix "${other}", not with the prefix "${lab.prefix}"`;
    expect(of('self-test, IPv4')).toEqual([expect.stringContaining(words)]);
    expect(of('LOG rules, IPv4')).toEqual([expect.stringContaining(`fail: 4438/tcp is logged ${words}`)]);
  });

  it('sends nothing that the rules take from one interface or source alone', async () => {
    configure({ more: 'ipv6: false' });
    const log = ['-j', 'LOG', '--log-prefix', lab.prefix];
    await server('iptables', '-w', '-A', 'INPUT', '-i', 'wire', ...log);
    const { of } = await examined(doctorArgv('--knock'));
    expect(of('self-test, IPv4')).toEqual([
      'skip: the LOG rules take knocks of some interfaces or sources alone',
    ]);
    await server('iptables', '-w', '-F', 'INPUT');
    await server('iptables', '-w', '-A', 'INPUT', '-s', CLIENT.v4, ...log);
    expect((await examined(doctorArgv('--knock'))).of('self-test, IPv4')).toEqual([
      expect.stringMatching(/^skip/),
    ]);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('leaves nothing when %s ends it', async (signal) => {
    configure();
    const doctor = lab.spawn('server', doctorArgv('--knock'));
    await until(async () => (await wires()).length > 0, 'the wire of the doctor');
    doctor.kill(signal);
    await once(doctor, 'exit');
    await until(async () => (await wires()).length === 0, 'no wire');
  });
});

describeWith([...NEEDS, 'iptables', 'journald'], 'doctor --knock where there is a journal', () => {
  it.each([
    ['journal', 'the journal'],
    ['auto', '/dev/kmsg'],
  ])('finds its knock (from: %s)', async (from, source) => {
    configure({ log: `{ from: ${from}, prefix: "PREFIX" }` });
    await apply();
    const inside = ['ip', ...lab.argv('server', doctorArgv('--knock'))];
    const argv = [
      '-m',
      '-p',
      '-f',
      '--kill-child',
      '--mount-proc',
      resolve('test/lab/journal.sh'),
      ...inside,
    ];
    const { stdout } = spawnSync('unshare', argv, { env: ENV, encoding: 'utf8', timeout: LIMIT_MS });
    const { of } = seen(0, stdout);
    expect(of('log')).toEqual([`ok: ${source}`]);
    for (const family of [4, 6]) {
      expect(of(`self-test, IPv${family}`)).toEqual([
        expect.stringMatching(/^ok: .* was in the (journal|log that auto finds) (within|after) /),
      ]);
    }
  });
});

describeWith([...NEEDS, 'iptables', 'setpriv'], 'the doctor without rights', () => {
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  beforeEach(async () => {
    configure();
    await apply();
    chmodSync(lab.folder, 0o755);
  });

  it('says of each check that it may not look', async () => {
    const { status, all, of } = await examined([...nobody, ...doctorArgv('--knock')]);
    expect(status).toBe(2);
    expect(of('state')[0]).toContain('cannot be written');
    expect(of('capabilities')[0]).toMatch(/^fail: lacks NET_ADMIN/);
    expect(of('backend')).toEqual([expect.stringMatching(/^skip: .* may not be looked into$/)]);
    expect(of('KNOCKD, IPv4')[0]).toMatch(/^fail: .*iptables.*(Permission denied|must be root)/);
    expect(of('self-test')[0]).toMatch(/^skip: no packet can be sent: .*unshare/);
    expect(all.filter((line) => /^(KNOCKD|LOG rules).* ok$/.test(line))).toEqual([]);
  });

  it('misses CAP_NET_ADMIN alone', async () => {
    const argv = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', ...doctorArgv()];
    const { status, of } = await examined(argv);
    expect(status).toBe(2);
    expect(of('capabilities')).toEqual(['fail: lacks NET_ADMIN, without which no door opens']);
  });
});

for (const backend of ['nft', 'legacy'] as const) {
  describeWith([...NEEDS, backend], `the doctor on rules of ${backend}`, () => {
    beforeEach(() => configure({ iptables: backend }));

    async function write(rules: readonly string[], tools = ['iptables', 'ip6tables']): Promise<void> {
      for (const tool of tools) {
        for (const rule of rules) {
          const words = rule.split(' ').map((word) => (word === 'PREFIX' ? lab.prefix : word));
          await server(`${tool}-${backend}`, '-w', ...words);
        }
      }
    }
    const LOG = '-j LOG --log-prefix PREFIX';

    it('finds all well once they are applied', async () => {
      await write([
        '-A INPUT -i lo -j ACCEPT',
        '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-A INPUT -p tcp -j DROP',
        '-A INPUT -p udp -j DROP',
      ]);
      await apply();
      const { all } = await examined();
      expect(all.filter((line) => / (fail|skip)$/.test(line))).toEqual([]);
      expect(all.slice(-11)).toEqual([
        'KNOCKD, IPv4 ok',
        'sessions, IPv4 ok',
        'shut, IPv4 ok',
        'LOG rules, IPv4 ok',
        'sweeps, IPv4 ok',
        'KNOCKD, IPv6 ok',
        'sessions, IPv6 ok',
        'shut, IPv6 ok',
        'LOG rules, IPv6 ok',
        'sweeps, IPv6 ok',
        // The lab has a network of its own.
        'self-test warn',
      ]);
    });

    it.each([
      ['there are none', [], 'fail: 4438/tcp is not logged, and 2 more of 3 knocks are like it'],
      [
        'they stand behind what drops',
        ['-A INPUT -p tcp -j DROP', `-A INPUT ${LOG}`],
        'fail: 4438/tcp is not logged ahead of -A INPUT -p tcp -j DROP, and 1 more of 3 knocks are like it',
      ],
      [
        'they log one protocol',
        [`-A INPUT -p udp ${LOG}`],
        'fail: 4438/tcp is not logged, and 1 more of 3 knocks are like it',
      ],
      [
        'they leave out a port',
        [`-A INPUT -p tcp ${LOG}`, `-A INPUT -p udp --dport 53 ${LOG}`],
        'fail: 1813/udp is not logged',
      ],
      [
        'they leave out the flags of a knock',
        [`-A INPUT -p tcp --tcp-flags SYN,ACK SYN,ACK ${LOG}`, `-A INPUT -p udp ${LOG}`],
        'fail: 4438/tcp is not logged, and 1 more of 3 knocks are like it',
      ],
      [
        'they share a limit',
        [`-A INPUT -m limit --limit 3/min ${LOG}`],
        'warn: 4438/tcp is logged behind -m limit, which any one source can use up, and 2 more of 3 knocks are like it',
      ],
      [
        'they are in a chain of their own',
        ['-N MINE', '-A INPUT -m conntrack --ctstate NEW -j MINE', `-A MINE ${LOG}`, '-A MINE -j DROP'],
        'ok: each of 3 knocks is logged',
      ],
      [
        'only what is too much is dropped ahead of them',
        [
          '-A INPUT -m hashlimit --hashlimit-above 9/sec --hashlimit-mode srcip --hashlimit-name x -j DROP',
          `-A INPUT ${LOG}`,
        ],
        'ok: each of 3 knocks is logged',
      ],
    ])('sees that %s', async (_, rules, detail) => {
      await write(rules);
      const { of } = await examined();
      expect([...of('LOG rules, IPv4'), ...of('LOG rules, IPv6')]).toEqual([detail, detail]);
    });

    it('sees that one family is left out', async () => {
      await write([`-A INPUT ${LOG}`], ['iptables']);
      const { of } = await examined();
      expect(of('LOG rules, IPv4')[0]).toMatch(/^ok/);
      expect(of('LOG rules, IPv6')[0]).toMatch(/^fail/);
    });

    it('sees a chain that is missing, not led to, or led to too late', async () => {
      const chain = async () => (await examined()).of('KNOCKD, IPv4')[0];
      const mends = '; the daemon puts that right when it starts';
      expect(await chain()).toBe(`warn: there is no chain KNOCKD${mends}`);
      await write(['-N KNOCKD']);
      expect(await chain()).toBe(`warn: INPUT does not jump to KNOCKD${mends}`);
      await write(['-A INPUT -p tcp -j DROP', '-A INPUT -j KNOCKD']);
      expect(await chain()).toBe(
        `warn: the jump from INPUT to KNOCKD comes too late: -A INPUT -p tcp -j DROP is before it${mends}`,
      );
      await write(['-D INPUT -p tcp -j DROP']);
      expect(await chain()).toBe('ok: INPUT jumps to it before any rule that drops what a door lets in');
    });
  });
}

describeWith([...NEEDS, 'nft', 'legacy'], 'the doctor where there are two kinds of iptables', () => {
  it('sees that the rules of the host are in the other, or in both', async () => {
    configure({ iptables: 'nft' });
    const backend = async () => (await examined()).of('backend');
    expect(await backend()).toEqual(['ok: nft, the only one in use']);
    await server('iptables-legacy', '-w', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP');
    expect(await backend()).toEqual([
      'warn: the rules of this host are in iptables-legacy, and openings go to iptables-nft',
    ]);
    await server('iptables-nft', '-w', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP');
    expect(await backend()).toEqual([expect.stringContaining('warn: both iptables-nft and iptables-legacy')]);
  });
});

describeWith([...NEEDS, 'iptables', 'setpriv', 'knockd'], 'the doctor among daemons', () => {
  it('sees a knockd, and a knocktail too many', async () => {
    configure();
    const others = async () => (await examined()).of('other daemons');
    expect(await others()).toEqual(['ok: none']);
    expect((await examined()).of('daemon')).toEqual(['warn: no knocktail runs here, so no door opens']);
    const daemons = [1, 2].map((number) => {
      const argv = [process.execPath, MAIN, 'run', '-c', config, '--state', join(lab.folder, `${number}`)];
      return lab.spawn('server', argv);
    });
    const [first, second] = daemons.map(({ pid }) => pid);
    expect(await until(async () => (await others())[0]?.startsWith('warn') && others(), 'two')).toEqual([
      `warn: knocktail runs 2 times, as ${[first, second].sort((a, b) => Number(a) - Number(b)).join(', ')}`,
    ]);
    daemons[1]?.kill('SIGKILL');
    await until(async () => (await others())[0] === 'ok: none', 'one');
    expect((await examined()).of('daemon')).toEqual([`ok: knocktail runs as ${first}`]);
    const knockd = join(lab.folder, 'knockd.conf');
    writeFileSync(
      knockd,
      '[options]\n\tlogfile = /dev/null\n[a]\n\tsequence = 7000,8000\n\tcommand = true\n',
    );
    const { pid } = lab.spawn('server', ['knockd', '-i', 'wire', '-c', knockd]);
    await until(
      async () => (await others())[0] === `warn: knockd runs as ${pid}, and may act on the same knocks`,
      'knockd',
    );
    // Where it listens is for its own user to know, and it may be here.
    chmodSync(lab.folder, 0o755);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const { of } = await examined([...nobody, ...doctorArgv()]);
    expect(of('other daemons')[0]).toMatch(/^warn: knockd runs as/);
  });
});

describeWith([...NEEDS, 'iptables'], 'what the doctor says to type', () => {
  it('mends the configuration and the log that were asked about', async () => {
    configure();
    const { stdout } = await lab.exec('server', doctorArgv('--log', 'kmsg', '--prefix', 'MINE: '));
    const remedy = stdout.split('\n').find((line) => line.includes('LOG rules, IPv4')) ?? '';
    const typed: string = JSON.parse(remedy).remedy;
    expect(typed).toBe(`knocktail rules -c ${config} --log kmsg --prefix "MINE: " --apply`);
    await server('sh', '-c', typed.replace('knocktail', `${process.execPath} ${MAIN}`));
    const { of } = await examined(doctorArgv('--prefix', 'MINE: '));
    expect(of('LOG rules, IPv4')).toEqual(['ok: each of 3 knocks is logged']);
  });
});

describeWith([...NEEDS, 'iptables'], 'the doctor on logs, clocks and folders', () => {
  it('sees that others can write the log or the state', async () => {
    configure({ log: '{ path: kern.log }' });
    writeFileSync(join(lab.folder, 'kern.log'), '');
    mkdirSync(join(lab.folder, 'state'));
    const well = await examined();
    expect([...well.of('log'), ...well.of('forgery'), ...well.of('state')]).toEqual([
      `ok: ${lab.folder}/kern.log`,
      'ok: none but the kernel writes what counts',
      `ok: ${lab.folder}/state`,
    ]);
    chmodSync(join(lab.folder, 'kern.log'), 0o666);
    chmodSync(join(lab.folder, 'state'), 0o777);
    const { of } = await examined();
    expect(of('forgery')).toEqual([expect.stringContaining('kern.log can be written by any local user')]);
    expect(of('state')).toEqual([expect.stringContaining('fail: ')]);
  });

  it('sees that a configuration is of a time to come, or an example', async () => {
    configure({ doors: '{ a: { sequence: [7000, 8000, 9000], open: { port: 22, for: 1s } } }' });
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(config, tomorrow, tomorrow);
    const { of } = await examined();
    expect(of('clock')).toEqual([expect.stringContaining('fail: it says ')]);
    expect(of('config')).toEqual([expect.stringContaining("is an example of knockd's")]);
  });

  it('sees that any local user can have the kernel log', () => {
    // Of the network of this machine, where the lab has it so.
    configure();
    const seenHere = () => {
      try {
        return execFileSync(process.execPath, doctorArgv().slice(1), {
          ...{ env: ENV, encoding: 'utf8', timeout: LIMIT_MS },
        });
      } catch (error) {
        return error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
      }
    };
    expect(seen(0, seenHere()).of('forgery')).toEqual([
      expect.stringContaining('warn: net.netfilter.nf_log_all_netns is 1'),
    ]);
  });
});
