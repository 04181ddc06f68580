/** knockd.conf as knockd 0.8 reads it; the recorded cases are what the real one said of each file. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Config, DoorConfig } from '../../src/config/schema.ts';

interface Fact {
  readonly name: string;
  readonly config: string;
  readonly result: string;
  readonly output: readonly string[];
}

const facts: Fact[] = JSON.parse(readFileSync('fixtures/conformance/edge/config_facts.json', 'utf8'));
/** What knockd says of a file of sequences depends on that file; see one-time-file.test.ts. */
const ownFacts = facts.filter(({ name }) => !/^onetime (missing|exhausted)/.test(name));

function load(text: string): Config {
  const { config, problems } = loadConfig(text);
  return config ?? expect.fail(JSON.stringify(problems));
}
function problems(text: string): string[] {
  return (loadConfig(text).problems ?? []).map(({ line, column, text }) => `${line}:${column}: ${text}`);
}
function warnings(text: string): string[] {
  const loaded = loadConfig(text);
  if (loaded.problems !== null) expect.fail(JSON.stringify(loaded.problems));
  return loaded.warnings.map(({ line, text }) => `${line}: ${text}`);
}

describe('what knockd 0.8 does with a configuration', () => {
  it.each(ownFacts)('$name: $result', ({ config, result }) => {
    expect(loadConfig(config).problems === null ? 'accepted' : 'rejected (exit 1)').toBe(result);
  });

  const plain = ownFacts.filter(({ name, result }) => result === 'accepted' && !/twice|onetime/.test(name));
  it.each(plain)('$name: the same sequences', (fact) => {
    const said = fact.output.flatMap(
      (line) => /^config: (.*): sequence: (.*)$/.exec(line)?.slice(1, 3) ?? [],
    );
    const last = new Map<string, string>();
    for (let at = 0; at < said.length; at += 2) last.set(said[at] ?? '', said[at + 1] ?? '');
    const doors = [...load(fact.config).doors];
    expect(new Map(doors.map(([name, { sequence }]) => [name, spelled(sequence)]))).toEqual(last);
  });

  const spelled = (sequence: DoorConfig['sequence']) =>
    sequence?.map((step) => (step.proto === 'icmp' ? 'icmp' : `${step.port}:${step.proto}`)).join(',');

  it('of two sequences the last counts, and two doors of one name are two doors', () => {
    expect(spelled(load('[a]\nsequence = 1,2,3\nsequence = 4,5\n').doors.get('a')?.sequence ?? null)).toBe(
      '4:tcp,5:tcp',
    );
    const { doors } = load('[a]\nsequence = 1\n[a]\nsequence = 2\n');
    expect([...doors].map(([name, door]) => [name, spelled(door.sequence)])).toEqual([
      ['a', '1:tcp'],
      ['a (2)', '2:tcp'],
    ]);
  });
});

describe('every directive of knockd 0.8', () => {
  it('reads the options, whatever the case of their keys', () => {
    const config = load('[options]\nUseSyslog\nLOGFILE = /a.log\npidfile = /a.pid\nInterface = eth1\n');
    expect([config.usesyslog, config.logfile, config.pidfile, config.interface, config.doors]).toEqual([
      true,
      '/a.log',
      '/a.pid',
      'eth1',
      new Map(),
    ]);
    expect(config.compat).toBe('knockd');
    expect(config.sweepGuard).toBe(0);
  });

  it('has its defaults', () => {
    const config = load('[a]\nsequence = 1\n');
    expect([config.usesyslog, config.logfile, config.pidfile, config.interface]).toEqual([
      false,
      null,
      null,
      null,
    ]);
    expect(config.doors.get('a')).toMatchObject({
      seqTimeoutUs: 25_000_000,
      cmdTimeoutUs: 10_000_000,
      tcpflags: null,
      target: null,
      startCommand: null,
      stopCommand: null,
    });
  });

  it('reads the keys of a door, by their old names too', () => {
    const door = [
      '[a]',
      'Sequence = 1,2:udp',
      'Timeout = 4',
      'TCPFlags = syn,!ack',
      'Target = 2001:DB8::0:7',
      'Command = A=1 x=%IP%',
      'Command_6 =',
      'Cmd_Timeout = 3',
      'Stop_Command = stop',
      'Stop_Command_6 = stop6',
    ];
    expect(load(door.join('\r\n')).doors.get('a')).toEqual({
      sequence: [
        { proto: 'tcp', port: 1 },
        { proto: 'udp', port: 2 },
      ],
      oneTimeSequences: null,
      seqTimeoutUs: 4_000_000,
      tcpflags: { set: 2, clear: 16 },
      target: '2001:db8::7',
      from: null,
      hosts: null,
      trap: [],
      open: null,
      close: null,
      startCommand: 'A=1 x=%IP%',
      startCommand6: '',
      cmdTimeoutUs: 3_000_000,
      stopCommand: 'stop',
      stopCommand6: 'stop6',
    });
  });
});

describe('what knockd accepts and nobody means', () => {
  it.each([
    ['[a]\nsequence = abc,2\n', '2: sequence: "abc" is taken for port 0'],
    ['[a]\nsequence = -1\n', '2: sequence: "-1" is taken for port 65535'],
    ['[a]\nsequence = -70000\n', '2: sequence: "-70000" is taken for port 61072'],
    ['[a]\nsequence = 1,2,\n', '2: sequence: "" is taken for port 0'],
    ['[a]\nsequence = 1,2 # x\n', '2: sequence: "2 # x" is taken for port 2'],
    ['[a]\nsequence = 1:udp:tcp\n', '2: sequence: "1:udp:tcp" is taken for 1:udp'],
    ['[a]\nsequence = 1\nseq_timeout = 5s\n', '3: seq_timeout: "5s" is taken for 5 s'],
    ['[a]\nsequence = 1\nseq_timeout = ten\n', '3: seq_timeout: "ten" is taken for 0 s'],
    ['[a]\nsequence = 1\ncmd_timeout = -5\nstop_command = x\n', '3: cmd_timeout: "-5" is taken for 0 s'],
    ['[a]\nsequence = 1\ncmd_timeout = 5\n', '3: door a: cmd_timeout without stop_command does nothing'],
    ['[a]\nsequence = 1\n[a]\nsequence = 2\n', '3: a second door of this name (a), told as "a (2)"'],
    [
      '[a]\none_time_sequences = x\nsequence = 7\n',
      '3: the sequence does not count beside one_time_sequences',
    ],
  ])('%j is accepted with a warning', (text, warning) => {
    expect(warnings(text)).toEqual([warning]);
  });

  it('no interface is named by an empty name, and none by any', () => {
    for (const name of ['', 'any']) {
      expect(load(`[options]\ninterface = ${name}\n[a]\nsequence = 1\n`).interface).toBeNull();
    }
  });

  it('a number that is too long is read as C reads it', () => {
    expect(load('[a]\nsequence = 4294967297\n').doors.get('a')?.sequence).toEqual([
      { proto: 'tcp', port: 1 },
    ]);
    expect(problems('[a]\nsequence = 99999999999\n')).toHaveLength(1);
  });
});

describe('a broken knockd.conf', () => {
  it('names no interface that can be there', () => {
    expect(problems('[options]\ninterface = eth0:1\n[a]\nsequence = 1\n')).toEqual([
      expect.stringMatching(/^2:.*not an interface \(eth0:1\)/),
    ]);
  });

  it('is told every problem at once, each with its line', () => {
    const text = [
      'stray = 1',
      '[options]',
      '  UseSyslog = yes',
      '  logfile',
      '  foo = 1',
      '[]',
      'sequence = 1',
      '[a]',
      'sequence = 1:sctp,2',
      'tcpflags = syn, ack',
      'target = gateway',
      'sequnce = 1',
      '[b]',
      'start_command = x',
    ].join('\n');
    const doorKeys =
      'sequence, one_time_sequences, seq_timeout, tcpflags, target, cmd_timeout, ' +
      'start_command, start_command_6, stop_command, stop_command_6';
    expect(problems(text)).toEqual([
      '1:1: not in a section, write [options] or [NAME OF A DOOR] ahead',
      '3:3: a value where none may be (yes), write usesyslog alone',
      '4:3: no value (logfile), write logfile = VALUE',
      '5:3: unknown key (foo), known here: usesyslog, logfile, pidfile, interface',
      '6:1: a section without a name, write [options] or [NAME OF A DOOR]',
      '9:1: not a protocol (sctp), write tcp or udp',
      '10:1: not a TCP flag (" ack"), write flags out of fin, syn, rst, psh, ack, urg without blanks, with ! for clear',
      '11:1: not an address (gateway), write an IPv4 or IPv6 address',
      `12:1: unknown key (sequnce), did you mean sequence? known here: ${doorKeys}`,
      '13:1: no knock (b), give the door a sequence or one_time_sequences',
    ]);
  });

  it('may not have two doors with one file of sequences', () => {
    const text = '[a]\none_time_sequences = x\n[b]\none_time_sequences = x\n';
    expect(problems(text)).toEqual([
      '3:1: one_time_sequences: the file is that of door a too (x), give each door its own',
    ]);
  });
});

it('knock.yaml is told from knockd.conf by its doors, whatever lists stand alone on a line', () => {
  const yaml = 'doors:\n  a:\n    sequence:\n      [1111, 333, 2222]\n    close: a\n    open: { port: 22 }\n';
  expect(load(yaml).compat).toBe('none');
  expect(load('\n# x\n[a]\nsequence = 1\n').compat).toBe('knockd');
  expect(problems('; x\n[a]\nsequence = 1\n')).toEqual([
    '1:1: not in a section, write [options] or [NAME OF A DOOR] ahead',
  ]);
});
