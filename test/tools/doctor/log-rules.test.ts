import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chainFrom } from '../../../src/firewall/iptables-chains.ts';
import type { Chains } from '../../../src/firewall/walk.ts';
import { checkLogRules } from '../../../src/tools/doctor/log-rules.ts';
import { type Line, type LogChain, logChains } from '../../../src/tools/setup/chains.ts';
import type { View, Watched } from '../../../src/tools/setup/watched.ts';
import { address, asPort } from '../../attempt/traffic.ts';
import { chains as chainsFrom, chainsIn } from '../../firewall/chains.ts';

const ANY: View = { from: null, to: null, flags: { set: 2, clear: 0 } };
const WATCHED: Watched = {
  family: 4,
  tcp: [asPort(4438), asPort(8235)],
  udp: [asPort(1813)],
  echoes: [64],
  views: [ANY],
  interface: null,
};
const PREFIX = 'KNOCK ';
const LOG = '-j LOG --log-prefix "KNOCK " --log-level 6';

function check(
  rules: readonly string[],
  watched: Watched = WATCHED,
  chains: Chains = new Map(),
  lines: readonly Line[] = [{ prefix: PREFIX, format: 'kernel' }],
): string {
  const iptables: Chains = new Map([...chains, ...chainsFrom({ INPUT: rules })]);
  const filter = { family: watched.family, iptables, nft: null };
  const { status, detail } = checkLogRules(filter, ['INPUT'], watched, lines);
  return `${status}: ${detail}`;
}

describe('the LOG rules', () => {
  it('are well as knocktail makes them, whatever the doors are', () => {
    const view: View = { from: '192.0.2.0/24', to: address('198.51.100.1'), flags: { set: 16, clear: 4 } };
    for (const watched of [
      WATCHED,
      { ...WATCHED, views: [ANY, view], interface: 'eth0' },
      { ...WATCHED, views: [{ ...ANY, flags: null }] },
    ]) {
      const made = logChains(watched, {
        chain: 'KNOCKD',
        logs: [{ prefix: PREFIX, format: 'kernel' }],
        sweepGuard: 8,
      });
      const chains = [made.log, made.line].map(
        ({ name, rules }: LogChain) => [name, chainFrom(name, rules)] as const,
      );
      expect(check(['-j KNOCKD-LOG', '-j DROP'], watched, new Map(chains))).toMatch(
        /^ok: each of \d+ knocks is logged$/,
      );
    }
  });

  it('are well as the README has them', () => {
    const syn = '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN';
    const rules = [
      `-i lo -j ACCEPT`,
      '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      `${syn} ${LOG}`,
      `-p udp ${LOG}`,
      '-j DROP',
    ];
    expect(check(rules, { ...WATCHED, echoes: [] })).toBe('ok: each of 3 knocks is logged');
    expect(check(rules)).toBe('fail: a ping of 92 bytes in all is not logged ahead of -A INPUT -j DROP');
  });

  it('are not where they stand behind what ends the way', () => {
    expect(check(['-p tcp -j DROP', LOG])).toBe(
      'fail: 4438/tcp is not logged ahead of -A INPUT -p tcp -j DROP, and 1 more of 4 knocks are like it',
    );
    expect(check(['-p tcp -m tcp --dport 8235 -j ACCEPT', LOG])).toBe(
      'fail: 8235/tcp is not logged ahead of -A INPUT -p tcp -m tcp --dport 8235 -j ACCEPT',
    );
  });

  it('are not where there are none, or their prefix is another', () => {
    expect(check([])).toBe('fail: 4438/tcp is not logged, and 3 more of 4 knocks are like it');
    expect(check(['-j LOG --log-prefix "[UFW BLOCK] "'])).toBe(
      'fail: 4438/tcp is logged with the prefix "[UFW BLOCK] ", not with the prefix "KNOCK ", and 3 more of 4 knocks are like it',
    );
  });

  it('are well with the prefix of any of the logs, by the way that this log is written', () => {
    const lines: readonly Line[] = [
      { prefix: 'OTHER ', format: 'kernel' },
      { prefix: 'knock ', format: 'ulogd' },
    ];
    const nflog = '-j NFLOG --nflog-prefix "knock "';
    expect(check([nflog], WATCHED, new Map(), lines)).toContain('ok');
    expect(check([nflog.replace('knock', 'OTHER')], WATCHED, new Map(), lines)).toContain(
      'fail: 4438/tcp is logged for ulogd with the prefix "OTHER ", not with the prefix "OTHER " or for ulogd with the prefix "knock ", and',
    );
  });

  it('are well for a log that is read in any format', () => {
    const lines: readonly Line[] = [{ prefix: 'knock ', format: 'any' }];
    expect(check(['-j NFLOG --nflog-prefix "knock "'], WATCHED, new Map(), lines)).toContain('ok');
    expect(check(['-j LOG --log-prefix "knock "'], WATCHED, new Map(), lines)).toContain('ok');
    expect(check(['-j LOG --log-prefix "other "'], WATCHED, new Map(), lines)).toContain('fail');
  });

  it('are doubtful behind a limit that all sources share, as ufw has it', () => {
    expect(check([`-m limit --limit 3/min --limit-burst 10 ${LOG}`])).toBe(
      'warn: 4438/tcp is logged behind -m limit, which any one source can use up, and 3 more of 4 knocks are like it',
    );
    const behind = chainsFrom({ LOGGING: [LOG] });
    expect(check(['-m limit --limit 3/min -j LOGGING'], WATCHED, behind)).toContain(
      'warn: 4438/tcp is logged behind -m limit',
    );
    expect(
      check([`-m hashlimit --hashlimit-upto 9/sec --hashlimit-name x --hashlimit-mode srcip ${LOG}`]),
    ).toContain('ok');
  });

  it('are not where only what is too much is logged, and are where only that is dropped', () => {
    const above = '-m hashlimit --hashlimit-above 9/sec --hashlimit-name x --hashlimit-mode srcip';
    expect(check([`${above} ${LOG}`])).toContain('fail: 4438/tcp is not logged');
    expect(check([`${above} -j DROP`, LOG])).toContain('ok');
    expect(check(['-m limit --limit 9/sec -j ACCEPT', LOG])).toContain(
      'fail: 4438/tcp is not logged ahead of',
    );
  });

  it.each([
    ['4', '[UFW BLOCK] ', 'warn: 4438/tcp is logged behind -m limit'],
    ['6', '[UFW BLOCK] ', 'warn: 4438/tcp is logged behind -m limit'],
    ['4', PREFIX, 'fail: 4438/tcp is logged with the prefix "[UFW BLOCK] ", not with the prefix "KNOCK "'],
    // As ufw 0.36.2 of Debian 12 writes them, with 22/tcp allowed.
  ] as const)('are too slow as ufw has them over IPv%s, and have its prefix (%s)', (family, prefix, said) => {
    const iptables = chainsIn(readFileSync(`fixtures/firewalls/ufw.v${family}`, 'utf8'));
    const watched: Watched = { ...WATCHED, family: family === '4' ? 4 : 6, echoes: [] };
    const filter = { family: watched.family, iptables, nft: null };
    const { status, detail } = checkLogRules(filter, ['INPUT'], watched, [{ prefix, format: 'kernel' }]);
    expect(`${status}: ${detail}`).toContain(said);
    expect(detail).toContain('and 2 more of 3 knocks are like it');
  });

  it('are found in the chains that a hook leads to, which may return', () => {
    const chains = chainsFrom({
      ONE: ['-p udp -j RETURN', '-j TWO'],
      TWO: [`-p tcp ${LOG}`],
    });
    expect(check(['-j ONE', `-p udp ${LOG}`, `-p icmp ${LOG}`, '-j DROP'], WATCHED, chains)).toContain('ok');
    expect(check(['-g ONE', `-p udp ${LOG}`], { ...WATCHED, echoes: [] }, chains)).toBe(
      'fail: 1813/udp is not logged ahead of -A INPUT -g ONE',
    );
  });

  it('give a rule that is not understood the benefit of the doubt', () => {
    expect(check(['-m recent --rcheck --name BAD --rsource -j DROP', LOG])).toContain('ok');
    expect(check(['-i eth0 -p tcp -j DROP', LOG])).toContain('ok');
    expect(check(['! -i lo -p tcp -j DROP', LOG])).toContain('fail: 4438/tcp is not logged ahead of');
    expect(check(['! -p udp -j DROP', LOG], { ...WATCHED, echoes: [] })).toContain(
      'fail: 4438/tcp is not logged ahead of',
    );
  });
});
