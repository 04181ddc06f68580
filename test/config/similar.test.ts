import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { nearest } from '../../src/config/similar.ts';

const KEYS = [
  'sequence',
  'one_time_sequences',
  'seq_timeout',
  'cmd_timeout',
  'start_command',
  'stop_command',
  'open',
  'for',
];

it.each([
  ['seq_timout', ['seq_timeout']],
  ['seq-timeout', ['seq_timeout']],
  ['seqTimeout', ['seq_timeout']],
  ['Sequence', ['sequence']],
  ['sequense', ['sequence']],
  ['squeence', ['sequence']],
  ['opne', ['open']],
  ['fro', ['for']],
  ['stert_command', ['start_command']],
  ['one_time_sequence', ['one_time_sequences']],
  ['timeout', ['seq_timeout', 'cmd_timeout']],
  ['x', []],
  ['', []],
  ['verylongnonsense'.repeat(1_000), []],
])('%s', (word, expected) => expect(nearest(word, KEYS)).toEqual(expected));

it('a key with one letter changed, left out or doubled is found again', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KEYS.filter((key) => key.length > 3)),
      fc.nat(),
      fc.nat(2),
      (key, at, how) => {
        const place = at % key.length;
        const middle = [`${key[place]}${key[place]}`, '', 'q'][how] ?? '';
        expect(nearest(key.slice(0, place) + middle + key.slice(place + 1), KEYS)).toContain(key);
      },
    ),
  );
});

it.each([
  [
    'doors: { a: { sequence: [4, 9, 7], seq_timout: 5s } }',
    '(doors.a.seq_timout), did you mean seq_timeout? known here: sequence,',
  ],
  [
    'doors: { a: { sequence: [4, 9, 7], open: { port:22, prot: tcp } } }',
    '(doors.a.open.port:22), put a space after the colon of port: known here: port,',
  ],
  ['doors: { a: { sequence: [4, 9, 7], command: x } }', 'did you mean start_command or stop_command? known'],
  [
    'frewall: {}\ndoors: { a: { sequence: [4, 9, 7] } }',
    '(frewall), did you mean firewall? known here: log,',
  ],
  ['[a]\nsequence = 1\nstart_comand = x', '(start_comand), did you mean start_command? known here:'],
  ['[options]\nlogfil = x\n[a]\nsequence = 1', '(logfil), did you mean logfile? known here:'],
  [
    'doors:\n  a:\n    sequence = 4,9,7\n',
    'not a map (sequence = 4,9,7), write "key: value", with a colon and a space instead of =:',
  ],
  ['doors:\n  a:\n    sequence:7\n', 'put a space after each colon: write keys out of'],
])('%j is answered with the key that was meant', (text, advice) => {
  expect((loadConfig(text).problems ?? []).map((problem) => problem.text).join('\n')).toContain(advice);
});

it('of several wrong keys each has its own answer', () => {
  const text = 'doors: { a: { sequence: [4, 9, 7], seq_timout: 5s, opne: {}, nonsense: 1 } }';
  expect(loadConfig(text).problems?.map((problem) => problem.text.replace(/known here.*/, ''))).toEqual([
    'unknown key (doors.a.seq_timout), did you mean seq_timeout? ',
    'unknown key (doors.a.opne), did you mean open? ',
    'unknown key (doors.a.nonsense), ',
  ]);
});
