/** What check and the daemon warn of: doors that are weak, that nobody can open, or that nothing closes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/attempt/engine.ts';
import { switchesFor } from '../../src/attempt/switches.ts';
import { loadConfig } from '../../src/config/load.ts';
import { locksOf } from '../../src/config/locks.ts';
import { OneTimeDoors } from '../../src/config/one-time-doors.ts';
import { weaknesses } from '../../src/config/weak.ts';
import { asPort, packet } from '../attempt/traffic.ts';

/** `NAME: WARNING`, of the whole text of a configuration. */
function warned(text: string): string[] {
  const { config, problems } = loadConfig(text);
  return weaknesses(config ?? expect.fail(JSON.stringify(problems))).map((it) => `${it.door}: ${it.text}`);
}
const OPEN = 'open: { port: 22, for: 30s }';
/** A door with nothing to say of it, but for these keys. */
const door = (keys: string, name = 'a', sequence = '4438, 1813:udp, 8235') =>
  `  ${name}: { sequence: [${sequence}], ${keys} }\n`;
const doors = (...texts: string[]) => warned(`doors:\n${texts.join('')}`);

const ADD = '/sbin/iptables -I INPUT -s %IP% -p tcp --dport 2222 -j ACCEPT';
const DELETE = '/sbin/iptables -D INPUT -s %IP% -p tcp --dport 2222 -j ACCEPT';
const section = (name: string, keys: string, sequence = '4438,1813:udp,8235') =>
  `[${name}]\nsequence = ${sequence}\n${keys}\n`;

describe('a scan of all ports', () => {
  const unguarded = (sequence: string, more = '') =>
    warned(`sweep_guard: 0\n${more}doors:\n${door(OPEN, 'a', sequence)}`).filter((text) =>
      text.includes('scan'),
    );

  it('opens it so many times where the sweep guard is off, by the number of its steps', () => {
    expect(unguarded('4438, 1813:udp, 8235')).toEqual([
      'a: sweep_guard is 0, so one in 6 scans of all ports in random order opens it',
    ]);
    expect(unguarded('4438, 1813:udp, 8235, 7001:udp')).toEqual([
      'a: sweep_guard is 0, so one in 24 scans of all ports in random order opens it',
    ]);
    expect(unguarded('4438')).toEqual(['a: sweep_guard is 0, so every scan of all ports opens it']);
  });

  it('does not by itself where a step comes twice, and nothing is said where knockd has no guard either', () => {
    expect(unguarded('4438, 1813:udp, 4438')).toEqual([]);
    expect(unguarded('4438, 1813:udp, 8235', 'compat: knockd\n')).toEqual([]);
    expect(doors(door(OPEN))).toEqual([]);
  });
});

describe('nobody can knock', () => {
  it.each([
    ['[syn, ack]', "no client's knock is SYN and ACK at once, so nobody can knock"],
    ['[fin, syn]', "no client's knock is SYN and FIN at once, so nobody can knock"],
    ['[syn, rst, "!ack"]', "no client's knock is SYN and RST at once, so nobody can knock"],
    ['[syn, "!syn"]', 'tcpflags wants SYN both set and clear, so nobody can knock'],
    ['[ack, "!ack", syn]', 'tcpflags wants ACK both set and clear, so nobody can knock'],
    ['[ack]', 'tcpflags takes no SYN, so a client that connects, like knock, cannot knock'],
    ['["!syn"]', 'tcpflags takes no SYN, so a client that connects, like knock, cannot knock'],
    [
      '[fin, "!ack"]',
      'no client sends packets with such tcpflags by itself, so nobody can knock without a tool like hping3',
    ],
    ['[urg]', 'tcpflags takes no SYN, so a client that connects, like knock, cannot knock'],
  ])('tcpflags %s', (flags, text) => {
    expect(doors(door(`tcpflags: ${flags}, ${OPEN}`))).toEqual([`a: ${text}`]);
  });

  it.each([['[syn]'], ['[syn, "!ack"]'], ['["!ack"]'], ['["!fin"]'], ['[syn, ece, cwr]'], ['[]']])(
    'but with tcpflags %s somebody can',
    (flags) => expect(doors(door(`tcpflags: ${flags}, ${OPEN}`))).toEqual([]),
  );

  it('flags are no matter of UDP, and a door of one step may wake a host by packets with ACK', () => {
    expect(doors(door(`tcpflags: [syn, ack], ${OPEN}`, 'a', '4438:udp, 1813:udp, 8235:udp'))).toEqual([]);
    expect(doors(door('tcpflags: [ack], start_command: wake', 'a', '25565'))).toEqual([
      'a: a sequence of 1 is soon guessed, use at least 3 steps',
    ]);
  });

  it('the target is of one family, and from of the other', () => {
    expect(doors(door(`target: "2001:db8::1", from: [192.0.2.0/24], ${OPEN}`))).toEqual([
      'a: its target is an IPv6 address and from has no IPv6 network, so nobody can knock',
    ]);
    expect(doors(door(`target: 192.0.2.1, from: ["2001:db8::/32"], ${OPEN}`))).toEqual([
      'a: its target is an IPv4 address and from has no IPv4 network, so nobody can knock',
    ]);
    expect(doors(door(`target: 192.0.2.1, from: ["2001:db8::/32", 192.0.2.0/24], ${OPEN}`))).toEqual([]);
  });

  it('it is for IPv6, which is off', () => {
    const text = 'a: only clients with an IPv6 address could knock, and ipv6 is false, so nobody can';
    for (const key of ['target: "2001:db8::1"', 'from: ["2001:db8::/32"]'])
      expect(warned(`ipv6: false\ndoors:\n${door(`${key}, ${OPEN}`)}`)).toEqual([text]);
  });

  it('there is no time', () => {
    expect(doors(door(`seq_timeout: 0, ${OPEN}`))).toEqual([
      'a: seq_timeout is 0, so it never opens, allow some seconds',
    ]);
    expect(doors(door(`seq_timeout: 900ms, ${OPEN}`))).toEqual([expect.stringContaining('below a second')]);
    expect(doors(door(`seq_timeout: 1s, ${OPEN}`))).toEqual([]);
    expect(warned(`compat: knockd\ndoors:\n${door(`seq_timeout: 1s, ${OPEN}`)}`)).toEqual([
      'a: seq_timeout is one second, which may last no time at all in the whole seconds of knockd, allow more',
    ]);
    expect(doors(`  a: { one_time_sequences: x, seq_timeout: 0, ${OPEN} }`)).toEqual([
      expect.stringContaining('seq_timeout is 0'),
    ]);
  });

  it('a step is port 0', () => {
    expect(warned(section('a', `command = x`, '4438,abc,8235'))).toContain(
      'a: nobody can knock on port 0, so it never opens',
    );
  });

  it('a step is a trap', () => {
    const trapped = (trap: string, sequence: string) =>
      doors(door(`trap: [${trap}], ${OPEN}`, 'a', sequence)).filter((text) => text.includes('trap'));
    expect(trapped('333', '1111, 2222:udp, 333')).toEqual([
      'a: its trap 333 is a step of the door a, which can never open',
    ]);
    expect(trapped('icmp', '1111, "icmp:64", 333')).toEqual([
      'a: its trap icmp:64 is a step of the door a, which can never open',
    ]);
    expect(trapped('333:udp', '1111, 2222:udp, 333')).toEqual([]);
    const far = door(`trap: [8235], from: [10.0.0.0/8], ${OPEN}`, 'b', '9876, 2345, 7654');
    expect(doors(door(`from: [192.0.2.0/24], ${OPEN}`), far)).toEqual([]);
    expect(doors(door(`from: [10.1.0.0/16], ${OPEN}`), far)).toEqual([
      'b: its trap 8235 is a step of the door a, which can never open',
    ]);
  });
});

describe('nothing closes it', () => {
  it('open: without for:, close: and flush:', () => {
    const opener = door('open: { port: 22 }');
    expect(doors(opener)).toEqual([
      'a: open: has no for:, and no door closes it, so the port stays open for good',
    ]);
    expect(doors(opener, door('close: a', 'b', '9876, 2345, 7654'))).toEqual([]);
    expect(warned(`firewall: { flush: "0 3 * * *" }\ndoors:\n${opener}`)).toEqual([]);
  });

  it('a close: that others can knock at than those who can open', () => {
    const opener = door('open: { port: 22 }, from: [192.0.2.0/24]');
    expect(doors(opener, door('close: a, from: ["2001:db8::/32"]', 'b', '9876, 2345, 7654'))).toEqual([
      'a: open: has no for:, and no door closes it, so the port stays open for good',
      'b: no client that can open the door a can knock here to close it',
    ]);
  });

  it.each([
    ADD,
    'iptables -A INPUT -p tcp -s %IP% --dport 22 -m state --state NEW -j ACCEPT; logger in',
    'iptables -t nat -I PREROUTING -s %IP% -p tcp --dport 25565 -j DNAT --to 192.0.2.9',
    'ufw insert 1 allow from %IP% to any port 22',
    'firewall-cmd --zone=public --add-rich-rule "rule family=ipv4 source address=%IP% accept"',
    'nft add rule inet filter input ip saddr %IP% tcp dport 22 accept',
  ])('start_command = %s, and no stop_command', (command) => {
    const text = 'a: nothing in it ends the opening, give it a stop_command';
    expect(warned(section('a', `start_command = ${command}`))).toEqual([text]);
    expect(warned(section('a', `start_command = ${command}\nstop_command = /bin/undo`))).toEqual([]);
  });

  it('whatever another door deletes', () => {
    const other = section('b', `command = ${DELETE.replace('2222', '22')}`, '9876,2345,7654');
    expect(warned(section('a', `command = ${ADD}`) + other)).toEqual([
      expect.stringMatching(/^a: nothing in it/),
    ]);
  });

  it('whatever another door takes back with another tool', () => {
    const ufw = section('a', 'command = ufw allow from %IP% to any port 22');
    const other = (command: string) => section('b', `command = ${command}`, '9876,2345,7654');
    expect(warned(ufw + other(DELETE))).toHaveLength(1);
    expect(warned(ufw + other('ufw delete allow from %IP% to any port 22'))).toEqual([]);
  });

  it.each([
    [DELETE],
    ['iptables -F INPUT'],
    ['iptables -D INPUT -s %IP% -j ACCEPT || true'],
    ['/usr/local/bin/close-ssh %IP%'],
  ])('unless another door runs %s', (command) => {
    const text = section('a', `command = ${ADD}`) + section('b', `command = ${command}`, '9876,2345,7654');
    expect(warned(text)).toEqual([]);
  });

  it.each([
    ['a ban', ADD.replace('ACCEPT', 'DROP')],
    ['what ends by itself', `${ADD}; sleep 30; ${DELETE}`],
    ['an element with a timeout', 'nft add element inet filter ok { %IP% timeout 30s }'],
    ['a timeout of firewalld', 'firewall-cmd --add-port=22/tcp --timeout=30'],
    ['something else', '/usr/local/bin/wake %IP%'],
  ])('%s needs no end', (_, command) => expect(warned(section('a', `command = ${command}`))).toEqual([]));

  it('over one of the two families', () => {
    const six = (command: string) => command.replace('iptables', 'ip6tables');
    const keys = `start_command = ${ADD}\nstart_command_6 = ${six(ADD)}\nstop_command_6 = ${six(DELETE)}`;
    expect(warned(section('a', keys))).toEqual(['a: nothing in it ends the opening, give it a stop_command']);
    expect(warned(section('a', `${keys}\nstop_command = ${DELETE}`))).toEqual([]);
  });

  it.each([
    ['another port', DELETE.replace('2222', '22')],
    ['another state', DELETE.replace('--dport', '-m state --state NEW --dport')],
    ['another interface', DELETE.replace('-s', '-i eth0 -s')],
    ['nothing: it adds the rule again', ADD],
  ])('a stop_command that deletes %s', (_, stop) => {
    expect(warned(section('a', `start_command = ${ADD}\nstop_command = ${stop}`))).toEqual([
      'a: its stop_command does not delete the rule that its start_command adds, so that stays',
    ]);
  });

  it.each([
    [DELETE],
    ['iptables -D INPUT 1'],
    ['iptables -F INPUT'],
    [`${DELETE} 2>/dev/null`],
    ['/bin/undo %IP%'],
  ])('but %s may be right', (stop) =>
    expect(warned(section('a', `start_command = ${ADD}\nstop_command = ${stop}`))).toEqual([]),
  );

  it('a stop_command that leaves no time', () => {
    expect(warned(section('a', `start_command = x\ncmd_timeout = 0\nstop_command = y`))).toEqual([
      'a: cmd_timeout is 0, so stop_command runs as soon as start_command has ended',
    ]);
    expect(doors(door('open: { port: 22, for: 0 }'))).toEqual([
      'a: open: is for no time, so nobody gets in, allow some seconds',
    ]);
  });
});

describe('a door does nothing that', () => {
  it.each([
    [
      'has no action',
      'seq_timeout: 5s',
      'it neither opens nor closes nor runs anything, give it open:, close: or start_command:',
    ],
    [
      'has a stop_command alone',
      'open: { port: 22, for: 1s }, stop_command: x',
      'stop_command only ever runs after a start_command, give it one',
    ],
    [
      'opens for a host of another family',
      'from: [192.0.2.0/24], open: { port: 22, for: 1s, to: "2001:db8::1" }',
      'open.to is an IPv6 address, and no client with one can knock',
    ],
  ])('%s', (_, keys, text) => expect(doors(door(keys))).toEqual([`a: ${text}`]));
});

describe('two doors', () => {
  const other = (sequence: string, keys = OPEN) => door(keys, 'b', sequence);

  it('of one sequence', () => {
    expect(doors(door(OPEN), other('4438, 1813:udp, 8235'))).toEqual([
      'b: its sequence is that of the door a, too, so one knock is for both',
    ]);
  });
  it('one of which begins the other, or is part of it', () => {
    expect(doors(door(OPEN), other('4438, 1813:udp, 8235, 9000'))).toEqual([
      'a: its sequence begins that of the door b, so a knock there is one here, too',
    ]);
    expect(doors(door(OPEN), other('9000, 4438, 1813:udp, 4438, 8235'))).toEqual([
      'a: its sequence is part of that of the door b, so a knock there is one here, too',
    ]);
    expect(doors(door(OPEN), other('4438, 9000, 1813:udp, 8235'))).toEqual([]);
  });
  it('under compat: knockd no door begins while an attempt runs', () => {
    const text = (sequence: string) => warned(`compat: knockd\ndoors:\n${door(OPEN)}${other(sequence)}`);
    expect(text('9000, 4438, 1813:udp, 8235')).toEqual([]);
    expect(text('4438, 1813:udp, 8235, 9000')).toHaveLength(1);
  });
  it('are no matter where no packet is for both', () => {
    const pairs = [
      ['from: [192.0.2.0/25]', 'from: [192.0.2.128/25]'],
      ['from: [192.0.2.0/25]', 'from: ["2001:db8::/32"]'],
      ['target: 192.0.2.1', 'target: 192.0.2.2'],
      ['tcpflags: [syn]', 'tcpflags: ["!syn", ack]'],
    ];
    for (const [one = '', two = ''] of pairs) {
      const found = doors(door(`${one}, ${OPEN}`), other('4438, 1813:udp, 8235', `${two}, ${OPEN}`));
      expect(found.filter((text) => text.includes('sequence'))).toEqual([]);
    }
  });
  it('one of which opens a step of the other, or a step of its own', () => {
    expect(doors(door('open: { port: 8235, for: 1s }'))).toEqual([
      'a: its step 8235 is the port that it opens, and while that is open a knock there is not logged',
    ]);
    expect(
      doors(door(OPEN), door('open: { port: 1813, proto: udp, for: 1s }', 'b', '9876, 2345, 7654')),
    ).toEqual([
      'a: its step 1813:udp is the port that the door b opens, and while that is open a knock there is not logged',
    ]);
    expect(doors(door('open: { port: 1813, for: 1s }'))).toEqual([]);
  });

  it('are said to be knocked at together where the engine opens both', () => {
    const sequence = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sequence, sequence, fc.constantFrom('none', 'knockd'), (one, two, compat) => {
        const spelled = (steps: readonly number[]) => steps.map((step) => 100 + step).join(', ');
        const text = `compat: ${compat}\ndoors:\n${door(OPEN, 'a', spelled(one))}${other(spelled(two))}`;
        const config = loadConfig(text).config ?? expect.fail();
        const engine = new Engine(
          locksOf(config, new OneTimeDoors()),
          switchesFor(config.compat, config.sweepGuard),
          { capacity: 64 },
        );
        const opened = two.flatMap((step, at) =>
          engine
            .handlePacket(packet({ dpt: asPort(100 + step), time: at * 10_000, flags: 2, id: at }))
            .filter(({ event }) => event === 'open'),
        );
        const isTold = warned(text).some(
          (it) =>
            /its sequence (is part of|begins|is) that of/.test(it) &&
            (it.startsWith('a:') || one.length === two.length),
        );
        expect(isTold).toBe(opened.some(({ door }) => door === 'a'));
      }),
      { numRuns: 2_000 },
    );
  });
});

it('a sequence of one port over and over opens to a client that only tries again', () => {
  expect(doors(door(OPEN, 'a', '4438, 4438, 4438'))).toEqual([
    'a: all steps of the sequence 4438,4438,4438 are one, so a client that only tries again opens it, mix the ports',
  ]);
});
