/** knockd.conf -> knock.yaml: what means the same is said in our way, the rest stays as it was. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { convertKnockdConf } from '../../src/config/convert.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';

function load(text: string): Config {
  const { config, problems } = loadConfig(text);
  return config ?? expect.fail(JSON.stringify(problems));
}
const convert = (text: string) => convertKnockdConf(text, load(text));
const converted = (text: string): Config => load(convert(text).yaml);
const door = (commands: string, name = 'a') => `[${name}]\nsequence = 1,2,3\n${commands}\n`;

const ADD = '/sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
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
  expect(notes).toEqual([{ line: 9, text: 'the door open ssh is called open-ssh now' }]);
});

describe('commands of the usual forms', () => {
  it.each([
    ADD,
    'iptables -I INPUT 1 -s %IP%/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    '/usr/sbin/iptables-nft -w 5 --insert INPUT --source %IP% --protocol tcp --destination-port 22 --jump ACCEPT',
  ])('%s opens the port', (command) => {
    expect(converted(door(`start_command = ${command}`)).doors['a']).toMatchObject({
      open: { port: 22, proto: 'tcp', to: null, forUs: null },
      startCommand: null,
    });
  });

  it('with a stop command it opens for as long as cmd_timeout', () => {
    const commands = `start_command = ${ADD}\nstop_command = ${DELETE}`;
    expect(converted(door(commands)).doors['a']).toMatchObject({
      open: { port: 22, forUs: 10_000_000 },
      startCommand: null,
      stopCommand: null,
    });
  });

  it('for one destination it opens to that host', () => {
    const command = ADD.replace('-p tcp', '-d 192.0.2.9/32 -p tcp');
    expect(converted(door(`start_command = ${command}`)).doors['a']?.open?.to).toBe('192.0.2.9');
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
      converted(door(commands.join('\n'))).doors['a'] ?? expect.fail();
    expect([open?.port, startCommand6, stopCommand6]).toEqual([22, null, null]);
  });

  it('a door that deletes what another has added closes that door', () => {
    const text = door(`command = ${ADD}`, 'in') + door(`command = ${DELETE}`, 'out');
    expect(converted(text).doors['out']).toMatchObject({ close: 'in', startCommand: null });
  });
});

describe('commands are left alone that', () => {
  const stays = (text: string) => {
    for (const [name, before] of Object.entries(load(text).doors)) {
      expect(converted(text).doors[name]).toEqual(before);
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
  ])('%s', (_, command) => stays(door(`start_command = ${command}`)));

  it.each([
    ['stop something else', `start_command = ${ADD}\nstop_command = ${DELETE.replace('22', '23')}`],
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
    expect(converted(text).doors['in']?.open?.port).toBe(22);
    expect(converted(text).doors['syn']?.stopCommand).toBe(syn(DELETE));
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
  expect(Object.keys(load(yaml).doors)).toEqual(['b']);
  expect(notes).toEqual([{ line: 1, text: 'the door a is left out: nobody can knock on port 0' }]);
});

it('two doors of one name stay two doors', () => {
  expect(Object.keys(converted('[a]\nsequence = 1\n[a]\nsequence = 2\n').doors)).toEqual(['a', 'a-2']);
});

it.each(['public', 'edge/facts', 'edge/onetime'])(
  'the doors of %s mean the same when they are converted',
  (set) => {
    const text = readFileSync(`fixtures/conformance/${set}/knockd.conf`, 'utf8');
    const [before, after] = [load(text), converted(text)];
    expect(after).toEqual(before);
  },
);
