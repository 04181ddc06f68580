/** What knock.yaml the converter makes of a knockd.conf. */

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertKnockdConf } from '../../src/config/convert.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { runs } from '../support/runs.ts';

function load(text: string): Config {
  const { config, problems } = loadConfig(text);
  return config ?? expect.fail(JSON.stringify(problems));
}
const convert = (text: string) => convertKnockdConf(text, load(text));
const converted = (text: string): Config => load(convert(text).yaml);
const door = (commands: string, name = 'a') => `[${name}]\nsequence = 1,2,3\n${commands}\n`;

const ADD = '/sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
const NEW = ADD.replace('--dport', '-m state --state NEW --dport');
const DELETE = '/sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';

it('prints the options and doors in their places, with their comments', () => {
  const text = [
    '# mine',
    '[options]',
    '  # to syslog',
    '  UseSyslog',
    '  LogFile = /var/log/knockd.log',
    '  Interface = eth1',
    '',
    '# in',
    '[open ssh]',
    '  # a knock',
    '  Sequence = 7000, 8000:UDP',
    '  TCPFlags = syn,!ack',
    '  Target = 192.0.2.1',
    `  # lets in`,
    `  Start_Command = ${ADD}`,
    '  Cmd_Timeout = 15',
    '  # and out',
    `  Stop_Command = ${DELETE}`,
    '[more]',
    '  One_Time_Sequences = once.seq',
    '  Seq_Timeout = 5',
    '  Start_Command = echo "hi: %IP%" # yes',
    '  Start_Command_6 =',
    '  Cmd_Timeout = 3',
    '  Stop_Command = /bin/bye',
    '# the end',
  ].join('\n');
  const { yaml, notes } = convert(text);
  expect(yaml.split('\n').slice(3)).toEqual([
    'compat: knockd',
    '# mine',
    '# to syslog',
    'usesyslog: true',
    'logfile: /var/log/knockd.log',
    'interface: eth1',
    '',
    'doors:',
    '',
    '  # in',
    '  open-ssh:',
    '    # a knock',
    '    sequence: [7000, 8000:udp]',
    '    tcpflags: ["!ack", syn]',
    '    target: 192.0.2.1',
    '    # lets in',
    '    open: { port: 22, proto: tcp, for: 15s }',
    '    # and out',
    '',
    '  more:',
    '    one_time_sequences: once.seq',
    '    seq_timeout: 5s',
    `    start_command: 'echo "hi: %IP%" # yes'`,
    "    start_command_6: ''",
    '    cmd_timeout: 3s',
    '    stop_command: /bin/bye',
    '# the end',
    '',
  ]);
  expect(notes).toEqual([
    { line: 9, text: 'the door open ssh is called open-ssh now' },
    { line: 20, text: 'one_time_sequences: a relative path (once.seq) starts at the folder of knock.yaml' },
  ]);
});

describe('commands of the usual forms', () => {
  it.each([
    ADD,
    'iptables -I INPUT 1 -s %IP%/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    '/usr/sbin/iptables-nft -w 5 --insert INPUT --source %IP% --protocol tcp --destination-port 22 --jump ACCEPT',
    'iptables -t filter -A INPUT -s "%IP%" -p TCP --dport=ssh -j ACCEPT -m comment --comment "knock, of knockd"',
  ])('%s opens the port', (command) => {
    expect(converted(door(`start_command = ${command}`)).doors.get('a')).toMatchObject({
      open: { port: 22, proto: 'tcp', to: null, forUs: null },
      startCommand: null,
    });
  });

  it.each([
    ['-p tcp -m state --state NEW -m tcp', '--state NEW'],
    ['-p tcp -m conntrack --ctstate NEW,ESTABLISHED', '--ctstate ESTABLISHED,NEW'],
    ['-m tcp -p tcp -m state --state=new', '--state NEW'],
    ['-p udp -m udp -m conntrack --ctstate NEW', '--ctstate NEW'],
  ])('a match for new connections (%s) becomes open: with a comment that says so', (match, states) => {
    const [add, remove] = [ADD, DELETE].map((command) => command.replace('-p tcp', match));
    const text = door(`start_command = ${add}\nstop_command = ${remove}`);
    const yaml = convert(text).yaml;
    expect(yaml).toContain(
      `# The command let in packets with ${states}. This lets in all packets of the client to the port.\n    open: {`,
    );
    expect(load(yaml).doors.get('a')).toMatchObject({
      open: { port: 22, forUs: 10_000_000 },
      startCommand: null,
    });
  });

  it('with a stop command it opens for as long as cmd_timeout', () => {
    const commands = `start_command = ${ADD}\nstop_command = ${DELETE}`;
    expect(converted(door(commands)).doors.get('a')).toMatchObject({
      open: { port: 22, forUs: 10_000_000 },
      startCommand: null,
      stopCommand: null,
    });
  });

  it('for one destination it opens to that host', () => {
    const command = ADD.replace('-p tcp', '-d 192.0.2.9/32 -p tcp');
    expect(converted(door(`start_command = ${command}`)).doors.get('a')?.open?.to).toBe('192.0.2.9');
  });

  it('commands for IPv6 that do the same are part of it', () => {
    const six = (command: string) => command.replace('iptables', 'ip6tables').replace('%IP%', '%IP%/128');
    const commands = [
      `start_command = ${ADD}`,
      `start_command_6 = ${six(ADD)}`,
      `stop_command = ${DELETE}`,
      `stop_command_6 = ${six(DELETE)}`,
    ];
    const { open, startCommand6, stopCommand6 } =
      converted(door(commands.join('\n'))).doors.get('a') ?? expect.fail();
    expect([open?.port, startCommand6, stopCommand6]).toEqual([22, null, null]);
  });

  it('a door that deletes what another has added closes that door', () => {
    const text = door(`command = ${ADD}`, 'in') + door(`command = ${DELETE}`, 'out');
    expect(converted(text).doors.get('out')).toMatchObject({ close: 'in', startCommand: null });
  });
});

describe('commands are left alone that', () => {
  const stays = (text: string) => {
    for (const [name, before] of load(text).doors) {
      expect(converted(text).doors.get(name)).toEqual(before);
    }
  };

  it.each([
    ['say more', ADD.replace('-p tcp', '-p tcp --syn')],
    ['are for one interface', ADD.replace('INPUT', 'INPUT -i eth0')],
    ['do something else as well', `${ADD}; logger in`],
    ['go through the shell', `FOO=1 ${ADD}`],
    ['are for another chain', ADD.replace('INPUT', 'FORWARD')],
    ['are for anybody', ADD.replace('-s %IP% ', '')],
    ['are for a network', ADD.replace('%IP%', '%IP%/24')],
    ['are for a range of ports', ADD.replace('22', '22:80')],
    ['do not accept', ADD.replace('ACCEPT', 'LOG')],
    ['negate', ADD.replace('-s', '! -s')],
    ['are for IPv6 alone', ADD.replace('iptables', 'ip6tables')],
    ['are for established connections', ADD.replace('--dport', '-m state --state ESTABLISHED --dport')],
    ['iptables refuses for want of a module', ADD.replace('--dport', '--ctstate NEW --dport')],
    ['match by another module', ADD.replace('--dport', '-m recent --rcheck --dport')],
    ['expand a variable in quotes', ADD.replace('22', '"$PORT"')],
  ])('%s', (_, command) => stays(door(`start_command = ${command}`)));

  it.each([
    ['stop something else', `start_command = ${ADD}\nstop_command = ${DELETE.replace('22', '23')}`],
    ['stop a rule for other states', `start_command = ${NEW}\nstop_command = ${DELETE}`],
    ['stop at once', `start_command = ${ADD}\ncmd_timeout = 0\nstop_command = ${DELETE}`],
    ['do something else over IPv6', `start_command = ${ADD}\nstart_command_6 = echo`],
    [
      'do not stop over IPv6',
      `start_command = ${ADD}\nstart_command_6 = ${ADD.replace('iptables', 'ip6tables')}\nstop_command = ${DELETE}`,
    ],
  ])('%s', (_, commands) => stays(door(commands)));

  it('add what the command of another door may delete in its own way', () => {
    stays(door(`command = ${ADD}`, 'in') + door(`command = ${DELETE} || true`, 'out'));
    stays(door(`command = ${ADD}`, 'in') + door('command = iptables -F INPUT', 'out'));
  });

  it('delete another rule than those that are converted keeps nothing else from being so', () => {
    const syn = (command: string) => command.replace('-p tcp', '-p tcp --syn');
    const text =
      door(`command = ${ADD}`, 'in') + door(`command = ${syn(ADD)}\nstop_command = ${syn(DELETE)}`, 'syn');
    expect(converted(text).doors.get('in')?.open?.port).toBe(22);
    expect(converted(text).doors.get('syn')?.stopCommand).toBe(syn(DELETE));
  });

  it('delete what two doors add', () => {
    stays(
      [door(`command = ${ADD}`, 'x'), door(`command = ${ADD}`, 'y'), door(`command = ${DELETE}`, 'z')].join(
        '',
      ),
    );
  });
});

it('a door that nobody can knock on is left out, and that is said', () => {
  const { yaml, notes } = convert('[a]\nsequence = abc,1\n[b]\nsequence = 1,2,3\n');
  expect(yaml).toContain('  # a:\n  #   sequence: [0, 1]\n');
  expect([...load(yaml).doors.keys()]).toEqual(['b']);
  expect(notes).toEqual([{ line: 1, text: 'the door a is left out: nobody can knock on port 0' }]);
});

it('a door that closes one that is left out keeps its command', () => {
  const text = `[a]\nsequence = 0,1\ncommand = ${ADD}\n[b]\nsequence = 1,2,3\ncommand = ${DELETE}\n`;
  expect(converted(text).doors.get('b')?.startCommand).toBe(DELETE);
});

it('of several sections of options each key is written once, as knockd takes it last', () => {
  const text = [
    '# first',
    '[options]',
    'UseSyslog',
    'LogFile = /a.log',
    '[a]',
    'sequence = 1',
    '# second',
    '[options]',
    'UseSyslog',
    'LogFile = /b.log',
    '[options]',
    'Interface = any',
  ].join('\n');
  expect(convert(text).yaml.split('\n').slice(3, 8)).toEqual([
    'compat: knockd',
    '# first',
    '# second',
    'usesyslog: true',
    'logfile: /b.log',
  ]);
});

it('UseSyslog in the section of a door is for all', () => {
  expect(converted('[a]\nsequence = 1\nUseSyslog\n').usesyslog).toBe(true);
});

it('a time that is longer than knock.yaml takes is cut, and that is said', () => {
  const { yaml, notes } = convert('[a]\nsequence = 1,2\nseq_timeout = 999999999\n');
  expect(load(yaml).doors.get('a')?.seqTimeoutUs).toBe(316_224_000 * 1_000_000);
  expect(notes).toEqual([
    {
      line: 1,
      text: 'seq_timeout: 999999999 s is written as 316224000 s, the longest there is',
    },
  ]);
});

it('no door takes the name of another', () => {
  const names = ['a', 'a-2', 'a', 'a-2-2', 'a b', 'a-b', '#', '!', 'x'.repeat(64), 'x'.repeat(64)];
  const { doors } = converted(names.map((name) => `[${name}]\nsequence = 1\n`).join(''));
  const kept = ['a', 'a-2', 'a-2-2', 'a-b', 'x'.repeat(64)];
  expect([...doors.keys()]).toHaveLength(names.length);
  expect([...doors.keys()]).toEqual(expect.arrayContaining(kept));
});

it('two doors of one name stay two doors', () => {
  expect([...converted('[a]\nsequence = 1\n[a]\nsequence = 2\n').doors.keys()]).toEqual(['a', 'a-2']);
});

it.each(['public', 'edge/facts', 'edge/onetime'])(
  'the doors of %s mean the same when they are converted',
  (set) => {
    const text = readFileSync(`fixtures/conformance/${set}/knockd.conf`, 'utf8');
    const [before, after] = [load(text), converted(text)];
    expect(after).toEqual(before);
  },
);

describe('whatever is printed is a knock.yaml that check accepts', () => {
  /** What the doors of a knockd.conf wait for, whatever they are called; those of port 0 are left out. */
  const locks = ({ doors }: Config): string[] =>
    [...doors.values()]
      .filter(({ sequence }) => !sequence?.some((step) => step.proto !== 'icmp' && step.port === 0))
      .map(({ sequence, oneTimeSequences, seqTimeoutUs, tcpflags, target }) => [
        sequence,
        oneTimeSequences,
        Math.min(seqTimeoutUs, 316_224_000_000_000),
        tcpflags,
        target,
      ])
      .map((lock) => JSON.stringify(lock))
      // Names that are numbers come first in an object.
      .sort();

  function expectConverted(text: string): void {
    const before = load(text);
    const { yaml, doors } = convertKnockdConf(text, before);
    expect(doors).toBe(locks(before).length);
    if (doors === 0) return;
    const after = load(yaml);
    expect(locks(after)).toEqual(locks(before));
    const settings = ({ usesyslog, logfile, pidfile, interface: name, compat }: Config): unknown[] => [
      usesyslog,
      logfile,
      pidfile,
      name,
      compat,
    ];
    expect(settings(after)).toEqual(settings(before));
  }

  const facts: { name: string; config: string; result: string }[] = JSON.parse(
    readFileSync('fixtures/conformance/edge/config_facts.json', 'utf8'),
  );
  it.each(facts.filter(({ config }) => loadConfig(config).problems === null))('$name', ({ config }) => {
    expectConverted(config);
  });

  const files = readdirSync('fixtures', { recursive: true, encoding: 'utf8' });
  it.each(files.filter((name) => name.endsWith('knockd.conf')))('%s', (name) => {
    expectConverted(readFileSync(`fixtures/${name}`, 'utf8'));
  });

  it('of any sections, keys, values and comments that are accepted', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        '~',
        'null',
        'true',
        '1e3',
        '- x',
        '{a: b}',
        '*a',
        '&a',
        '!!str x',
        '@',
        '`',
        '? x',
        '%',
        '[a]',
      ),
    );
    const rule = fc
      .tuple(
        fc.constantFrom('-A', '-D', '-I'),
        fc.constantFrom('22', 'ssh', '80'),
        fc.constantFrom('', ' -m state --state NEW'),
      )
      .map(
        ([verb, port, states]) => `iptables ${verb} INPUT -s %IP% -p tcp${states} --dport ${port} -j ACCEPT`,
      );
    const number = fc.oneof(fc.nat(70), fc.nat(), fc.integer(), fc.constantFrom('5s', 'x', '', '2147483647'));
    const step = fc.tuple(fc.oneof(fc.nat(3), fc.nat(65_535)), fc.constantFrom('', ':udp', ':TCP'));
    const flags = fc.constantFrom('syn', '!ack', 'SYN,!Ack,fin', 'syn,!syn', 'syn,ack');
    const value = (key: string): fc.Arbitrary<unknown> => {
      if (key === 'sequence')
        return fc.array(step, { minLength: 1, maxLength: 5 }).map((all) => all.map((s) => s.join('')));
      if (/command/.test(key)) return fc.oneof(rule, rule, text);
      if (/timeout/.test(key)) return number;
      if (key === 'tcpflags') return flags;
      if (key === 'target') return fc.oneof(fc.ipV4(), fc.ipV6());
      return fc.oneof(text, fc.constantFrom('any', 'eth0', '/dev/stdout', 'on', '0'));
    };
    const entry = (keys: readonly string[]): fc.Arbitrary<string> =>
      fc
        .constantFrom(...keys)
        .chain((key) =>
          fc
            .tuple(value(key), fc.option(text))
            .map(([v, c]) => `${c === null ? '' : `#${c}\n`}${key} = ${v}`),
        );
    const commands = ['start_command', 'command', 'stop_command', 'start_command_6', 'stop_command_6'];
    const keys = [
      'seq_timeout',
      'timeout',
      'cmd_timeout',
      'tcpflags',
      'target',
      'one_time_sequences',
      ...commands,
      ...commands,
    ];
    const entries = (keys: readonly string[]) =>
      fc.array(fc.oneof({ weight: 9, arbitrary: entry(keys) }, fc.constant('UseSyslog')), { maxLength: 6 });
    const name = fc.oneof(
      fc.constantFrom('a', 'b', 'a-2', 'a (2)', 'null', '1', 'constructor', '__proto__'),
      text,
    );
    const door = fc
      .tuple(name, entry(['sequence']), entries([...keys, 'sequence']))
      .map(([n, s, e]) => [`[${n}]`, s, ...e]);
    const options = entries(['logfile', 'pidfile', 'interface']).map((e) => ['[options]', ...e]);
    const conf = fc
      .array(fc.oneof({ weight: 3, arbitrary: door }, options), { maxLength: 5 })
      .chain((sections) => fc.tuple(fc.constant(sections.flat().join('\n')), fc.option(text)))
      .map(([sections, comment]) => `${sections}\n${comment === null ? '' : `#${comment}`}\n`);
    let converted = 0;
    fc.assert(
      fc.property(conf, (text) => {
        if (loadConfig(text).problems !== null || !text.includes('[')) return;
        converted++;
        expectConverted(text);
      }),
      { numRuns: runs(1_000) },
    );
    expect(converted).toBeGreaterThan(runs(1_000) / 4);
  });
});
