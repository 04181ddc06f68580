import { describe, expect, it } from 'vitest';
import { ANY_OPENING, planHook } from '../../src/firewall/hook.ts';
import type { Probe } from '../../src/firewall/packet-match.ts';
import { asPort } from '../attempt/traffic.ts';
import { chains } from './chains.ts';

const SSH: Probe = { ...ANY_OPENING, port: asPort(22) };
const ETH0: Probe = { ...SSH, interface: ['eth0'] };

function plan(...rules: readonly string[]) {
  return planHook(chains({ INPUT: rules }), 'INPUT', 'KNOCKD');
}

/** The plan for a door that opens 22/tcp. */
function planFor(
  input: readonly string[],
  others: Readonly<Record<string, readonly string[]>> = {},
  opening = SSH,
) {
  return planHook(chains({ INPUT: input, ...others }), 'INPUT', 'KNOCKD', [opening]).kind;
}

describe('the jump from a hook', () => {
  it('goes to the end of a hook that ends no packet’s way', () => {
    expect(plan()).toEqual({ kind: 'missing', at: 1 });
    expect(plan('-p tcp -j LOG --log-prefix "KNOCK "', '-m mark --mark 0x1')).toEqual({
      kind: 'missing',
      at: 3,
    });
  });

  it.each([
    '-j DROP',
    '-j REJECT --reject-with icmp-port-unreachable',
    '-m conntrack --ctstate ESTABLISHED -j ACCEPT',
    '-j f2b-sshd',
    '-g ufw-input',
    '-j NFQUEUE --queue-num 0',
  ])('goes ahead of the first terminal rule, "%s"', (terminal) => {
    expect(plan('-j LOG', '-j CONNMARK --restore-mark', terminal, '-j DROP')).toEqual({
      kind: 'missing',
      at: 3,
    });
  });

  it('stands when nothing terminal is ahead of it', () => {
    expect(plan('-j LOG', '-j KNOCKD', '-j DROP')).toEqual({ kind: 'stands' });
    expect(plan('-j KNOCKD')).toEqual({ kind: 'stands' });
    expect(plan('-j KNOCKD', '-j DROP', '-j KNOCKD')).toEqual({ kind: 'stands' });
  });

  it('comes too late behind a terminal rule, and is moved with its conditions', () => {
    const late = plan('-j LOG', '-j DROP', '-i eth0 -m comment --comment "to the doors" -j KNOCKD');
    expect(late).toEqual({
      kind: 'late',
      at: 2,
      spec: ['-i', 'eth0', '-m', 'comment', '--comment', 'to the doors', '-j', 'KNOCKD'],
      behind: ['-j', 'DROP'],
      blocker: '-A INPUT -j DROP',
    });
  });

  it.each([
    ['an accepting rule', ['-i lo -j ACCEPT', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT']],
    ['a rule that accepts the very port', ['-p tcp -m tcp --dport 22 -j ACCEPT']],
    ['a rule that drops another port', ['-p tcp -m tcp --dport 23 -j DROP']],
    ['a rule that drops another protocol', ['-p udp -j DROP']],
    ['a rule that drops what is invalid', ['-m conntrack --ctstate INVALID -j DROP']],
    ['a rule that drops fragments', ['-f -j DROP']],
    [
      'a rule that drops bad flags',
      ['-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP'],
    ],
    ['a ban', ['-s 203.0.113.9/32 -j DROP', '-m set --match-set bans src -j DROP']],
    ['a rule that drops above a rate', ['-m hashlimit --hashlimit-above 9/sec --hashlimit-name x -j DROP']],
    ['a rule that drops what came by the loopback', ['-i lo -j DROP']],
  ] as const)('may stand behind %s', (_, before) => {
    expect(planFor([...before, '-j KNOCKD', '-j DROP'])).toBe('stands');
  });

  it.each([
    ['drops', ['-j DROP']],
    ['rejects the port', ['-p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset']],
    ['drops a range of ports', ['-p tcp -m multiport --dports 1:1024 -j DROP']],
    ['drops all but the loopback', ['! -i lo -j DROP']],
    ['returns', ['-p tcp -j RETURN']],
    ['hands it to another program', ['-j NFQUEUE --queue-num 0']],
  ] as const)('is late behind a rule that %s', (_, before) => {
    expect(planFor([...before, '-j KNOCKD'])).toBe('late');
  });

  it('is late behind the interface of its clients, and not behind another', () => {
    expect(planFor(['-i eth0 -j DROP', '-j KNOCKD'], {}, ETH0)).toBe('late');
    expect(planFor(['-i eth1 -j DROP', '-j KNOCKD'], {}, ETH0)).toBe('stands');
    const both: Probe = { ...SSH, interface: ['eth0', 'eth1'] };
    expect(planFor(['-i eth+ -j DROP', '-j KNOCKD'], {}, both)).toBe('late');
    expect(planFor(['-i eth1 -j DROP', '-j KNOCKD'], {}, both)).toBe('stands');
  });

  it.each([
    ['drops', ['-j MINE'], ['-i lo -j ACCEPT', '-j DROP'], 'late'],
    ['drops in a chain further on', ['-j MINE'], ['-p tcp -j DEEPER'], 'late'],
    ['accepts', ['-j MINE'], ['-p tcp -m tcp --dport 22 -j ACCEPT', '-j DROP'], 'stands'],
    [
      'bans some',
      ['-p tcp -m multiport --dports 22 -j MINE'],
      ['-s 192.0.2.1/32 -j REJECT', '-j RETURN'],
      'stands',
    ],
    ['is left for good', ['-g MINE'], ['-p udp -j ACCEPT'], 'late'],
    ['is left for good in a rule that takes others', ['-p udp -g MINE'], ['-j DROP'], 'stands'],
  ] as const)('is judged by what a chain before it %s', (_, before, mine, kind) => {
    expect(planFor([...before, '-j KNOCKD'], { MINE: mine, DEEPER: ['-j REJECT'] })).toBe(kind);
  });

  it('may be in a chain that the hook leads to', () => {
    const mine = { MINE: ['-i lo -j ACCEPT', '-j KNOCKD', '-j DROP'] };
    expect(planFor(['-j MINE', '-j DROP'], mine)).toBe('stands');
    expect(planFor(['-p tcp -j DROP', '-j MINE'], mine)).toBe('missing');
  });

  it('serves no packet that its own conditions leave out', () => {
    const onlyHttps = ['-p tcp -m tcp --dport 443 -j KNOCKD'];
    expect(planFor(['-P DROP', ...onlyHttps])).toBe('narrow');
    expect(planFor(['-P ACCEPT', ...onlyHttps])).toBe('stands');
    expect(planFor(['-P DROP', '-p tcp -m multiport --dports 22,443 -j KNOCKD'])).toBe('stands');
  });

  it('moves ahead of the first rule that is in the way of some door, and of no other', () => {
    const openings = [SSH, { ...SSH, port: asPort(443) }];
    const rules = { INPUT: ['-i lo -j ACCEPT', '-p tcp -m tcp --dport 443 -j DROP', '-j DROP', '-j KNOCKD'] };
    expect(planHook(chains(rules), 'INPUT', 'KNOCKD', openings)).toMatchObject({
      kind: 'late',
      at: 2,
      blocker: '-A INPUT -p tcp -m tcp --dport 443 -j DROP',
    });
  });

  it('is not a LOG prefix or a comment that reads like one', () => {
    expect(plan('-j LOG --log-prefix "-j KNOCKD "', '-m comment --comment "-j KNOCKD"')).toEqual({
      kind: 'missing',
      at: 3,
    });
  });
});
