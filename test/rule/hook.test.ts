import { describe, expect, it } from 'vitest';
import { planHook } from '../../src/rule/hook.ts';
import { rulesOf } from '../../src/rule/listing.ts';

function plan(...rules: readonly string[]) {
  return planHook(rulesOf(rules.map((rule) => `-A INPUT ${rule}`).join('\n'), 'INPUT'), 'KNOCKD');
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
    });
  });

  it('is not a LOG prefix or a comment that reads like one', () => {
    expect(plan('-j LOG --log-prefix "-j KNOCKD "', '-m comment --comment "-j KNOCKD"')).toEqual({
      kind: 'missing',
      at: 3,
    });
  });
});
