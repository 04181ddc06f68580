import { describe, expect, it } from 'vitest';
import { ANY_OPENING } from '../../src/firewall/hook.ts';
import type { Probe } from '../../src/firewall/packet-match.ts';
import { walk } from '../../src/firewall/walk.ts';
import { asPort } from '../attempt/traffic.ts';
import { chains } from './chains.ts';

const SSH: Probe = { ...ANY_OPENING, port: asPort(22) };

/** The verdict on a packet to 22/tcp, what says so, and the rule. */
function way(
  input: readonly string[],
  others: Readonly<Record<string, readonly string[]>> = {},
  until: string | null = null,
): string {
  const { verdict, by, rule, at } = walk(chains({ INPUT: input, ...others }), 'INPUT', SSH, until).end;
  return [verdict, by, ...(rule === null ? [] : [`${at}: ${rule.text}`])].join(' ');
}

describe('the way of a packet', () => {
  it('ends at the first rule that decides it, and at the policy where none does', () => {
    expect(way(['-P DROP', '-p udp -j ACCEPT', '-p tcp -j ACCEPT', '-j DROP'])).toBe(
      'accept rule 1: -A INPUT -p tcp -j ACCEPT',
    );
    expect(way(['-P DROP', '-p udp -j ACCEPT'])).toBe('drop policy');
    expect(way(['-P ACCEPT'])).toBe('accept policy');
    expect(way(['-p udp -j ACCEPT']), 'a chain of the user, as DOCKER-USER').toBe('open policy');
  });

  it('goes through the chains that rules lead to, and on behind a jump', () => {
    const others = { ONE: ['-p tcp -j TWO', '-j ACCEPT'], TWO: ['-p tcp -m tcp --dport 22 -j REJECT'] };
    expect(way(['-j ONE'], others)).toBe('drop rule 0: -A TWO -p tcp -m tcp --dport 22 -j REJECT');
    expect(way(['-P DROP', '-j ONE', '-j ACCEPT'], { ONE: ['-j RETURN', '-j DROP'] })).toBe(
      'accept rule 1: -A INPUT -j ACCEPT',
    );
    expect(way(['-P DROP', '-g ONE', '-j ACCEPT'], { ONE: ['-p udp -j DROP'] })).toBe(
      'drop return 0: -A INPUT -g ONE',
    );
    expect(way(['-P DROP', '-p tcp -j RETURN', '-j ACCEPT'])).toBe(
      'drop return 0: -A INPUT -p tcp -j RETURN',
    );
  });

  it('passes targets that only mark or write', () => {
    expect(way(['-P ACCEPT', '-j LOG', '-j MARK --set-xmark 0x1/0xffffffff', '-j DROP'])).toContain(
      'drop rule 2',
    );
  });

  it('goes on past a drop or a return that takes packets only up to a limit', () => {
    const limits = [
      '-m limit --limit 1/min',
      '-m hashlimit --hashlimit-upto 1/min --hashlimit-name x',
      '-m connlimit --connlimit-upto 3',
    ];
    for (const limit of limits) {
      expect(way(['-P ACCEPT', `${limit} -j DROP`]), limit).toBe('accept policy');
      expect(way(['-P ACCEPT', `${limit} -j ONE`], { ONE: ['-j DROP'] }), limit).toBe('accept policy');
      expect(way(['-P DROP', '-j ONE'], { ONE: [`${limit} -j RETURN`, '-j ACCEPT'] }), limit).not.toContain(
        'drop rule',
      );
      expect(way(['-P DROP', `${limit} -j ACCEPT`]), limit).toContain('accept rule');
    }
  });

  it('is not decided by a rule of which it cannot be told, which is kept in mind', () => {
    const { end, doubts } = walk(
      chains({ INPUT: ['-P DROP', '-s 192.0.2.1/32 -j DROP', '-m mark --mark 0x1 -j ACCEPT', '-j REJECT'] }),
      'INPUT',
      SSH,
    );
    expect(end.rule?.text).toBe('-A INPUT -j REJECT');
    expect(doubts.map(({ verdict, rule }) => `${verdict} ${rule.text}`)).toEqual([
      'drop -A INPUT -s 192.0.2.1/32 -j DROP',
      'accept -A INPUT -m mark --mark 0x1 -j ACCEPT',
    ]);
    expect(way(['-P ACCEPT', '-m mark --mark 0x1 -j ONE', '-j ACCEPT'], { ONE: ['-j DROP'] })).toContain(
      'accept',
    );
  });

  it('comes to the chain that is looked for, also by a rule of which it cannot be told', () => {
    expect(way(['-j DROP', '-j KNOCKD'], {}, 'KNOCKD')).toContain('drop');
    expect(way(['-s 192.0.2.0/24 -j KNOCKD', '-j DROP'], {}, 'KNOCKD')).toContain('reached');
    expect(way(['-p udp -j KNOCKD', '-j DROP'], {}, 'KNOCKD')).toContain('drop');
  });

  it('has an end where a listing leads in a circle', () => {
    expect(way(['-P ACCEPT', '-j ONE'], { ONE: ['-j TWO'], TWO: ['-j ONE'] })).toBe('accept policy');
  });
});
