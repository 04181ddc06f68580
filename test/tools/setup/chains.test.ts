import { describe, expect, it } from 'vitest';
import { strayLimits } from '../../../src/sweep-limits.ts';
import { chainNames, logChains } from '../../../src/tools/setup/chains.ts';
import { nftText } from '../../../src/tools/setup/nft.ts';
import type { Watched } from '../../../src/tools/setup/watched.ts';
import { asPort } from '../../attempt/traffic.ts';

const ANY = { from: null, to: null, flags: null };
const WATCHED: Watched = { family: 4, tcp: [], udp: [], echoes: [], views: [ANY], interface: null };
const LOG = { prefix: 'KNOCK ', format: 'kernel' } as const;
const ULOGD = { prefix: 'knock ', format: 'ulogd' } as const;
const SETTINGS = { chain: 'KNOCKD', logs: [LOG], sweepGuard: 8 } as const;

describe('the chains that log', () => {
  it('take 15 ports a rule', () => {
    const tcp = Array.from({ length: 31 }, (_, index) => asPort(1000 + index));
    const { log } = logChains({ ...WATCHED, tcp }, SETTINGS);
    const counts = log.rules.slice(2).map((spec) => spec[spec.indexOf('--dports') + 1]?.split(',').length);
    expect(counts).toEqual([15, 15, 1]);
  });

  it('leave out what iptables has no words for, and log the more', () => {
    const flags = { set: 2 | 128, clear: 64 };
    const { log } = logChains({ ...WATCHED, tcp: [asPort(1)], views: [{ ...ANY, flags }] }, SETTINGS);
    expect(log.rules[2]?.join(' ')).toBe(
      '-p tcp -m tcp --tcp-flags SYN SYN -m multiport --dports 1 -g KNOCKD-LINE',
    );
    const onlyEce = { set: 64, clear: 0 };
    const all = logChains({ ...WATCHED, tcp: [asPort(1)], views: [{ ...ANY, flags: onlyEce }] }, SETTINGS);
    expect(all.log.rules[2]?.join(' ')).toBe('-p tcp -m multiport --dports 1 -g KNOCKD-LINE');
  });

  it('leave out pings of a size that the family has none of', () => {
    const most = { ...WATCHED, echoes: [65_507] };
    expect(logChains(most, SETTINGS).log.rules).toHaveLength(3);
    expect(logChains({ ...most, family: 6 }, SETTINGS).log.rules).toHaveLength(2);
  });

  it('count apart from those of another configuration', () => {
    const limits = ['KNOCKD', 'OTHER'].flatMap((chain) => {
      const { line, rest } = logChains(WATCHED, { ...SETTINGS, chain });
      return [line, rest?.stray].map(
        (each) =>
          each?.rules
            .flat()
            .join(' ')
            .match(/--hashlimit-name (\S+)/)?.[1],
      );
    });
    expect(limits).toEqual(['KNOCKD-LINE', 'KNOCKD-STRAY', 'OTHER-LINE', 'OTHER-STRAY']);
  });

  it('are two where no sweep is guarded against', () => {
    expect(logChains(WATCHED, { ...SETTINGS, sweepGuard: 0 }).rest).toBeNull();
  });

  it('hand packets to ulogd2 where the log is of ulogd2', () => {
    const { line } = logChains(WATCHED, { ...SETTINGS, logs: [ULOGD] });
    expect(line.rules[0]?.slice(-4)).toEqual(['-j', 'NFLOG', '--nflog-prefix', 'knock ']);
  });

  it('write a line for each log that wants one of its own, and count none of them twice', () => {
    const { line, rest } = logChains(WATCHED, { ...SETTINGS, logs: [LOG, LOG, ULOGD] });
    const wordAfter = (word: string) => (spec: readonly string[]) => spec[spec.indexOf(word) + 1];
    expect(line.rules.map(wordAfter('-j'))).toEqual(['LOG', 'NFLOG']);
    expect(line.rules.map(wordAfter('--hashlimit-name'))).toEqual(['KNOCKD-LINE', 'KNOCKD-LINE-2']);
    const stray = rest?.stray.rules ?? [];
    expect(stray.map(wordAfter('-j'))).toEqual(['LOG', 'NFLOG']);
    expect(stray.map(wordAfter('--hashlimit-name'))).toEqual(['KNOCKD-STRAY', 'KNOCKD-STRAY-2']);
  });

  it('lead a packet that two doors would see to one line, also at ports of no door', () => {
    const views = [
      { ...ANY, from: '192.0.2.0/24' },
      { ...ANY, flags: { set: 2, clear: 0 } },
    ];
    const { rest } = logChains({ ...WATCHED, tcp: [asPort(1)], views }, SETTINGS);
    const strays = rest?.rest.rules.map((spec) => spec.join(' ')).filter((text) => text.includes('STRAY'));
    expect(strays).toEqual([
      '-s 192.0.2.0/24 -p tcp -g KNOCKD-STRAY',
      '-p tcp -m tcp --tcp-flags SYN SYN -g KNOCKD-STRAY',
      '-p udp -g KNOCKD-STRAY',
    ]);
  });

  it('log no packet as a stray that could not be a step, nor as a step that could not be a stray', () => {
    const { log, rest } = logChains({ ...WATCHED, tcp: [asPort(1)] }, SETTINGS);
    const unicast = '-m pkttype ! --pkt-type unicast -j RETURN';
    for (const chain of [log, rest?.rest]) {
      expect(chain?.rules.map((spec) => spec.join(' '))).toContain(unicast);
    }
  });

  it('log pings of other sizes where a size is a step, and none where any will do', () => {
    const isPing = (spec: readonly string[]) => spec.includes('icmp') && spec.includes('-g');
    const pings = (echoes: Watched['echoes']) =>
      logChains({ ...WATCHED, echoes }, SETTINGS).rest?.rest.rules.filter(isPing).length;
    expect([pings([64]), pings([null]), pings([])]).toEqual([1, 0, 0]);
  });

  it('allow each source as many lines as the sweep guard reckons with', () => {
    for (const sweepGuard of [1, 8, 100, 1_000]) {
      const { atOnce, perSecond } = strayLimits(sweepGuard);
      const stray = logChains(WATCHED, { ...SETTINGS, sweepGuard }).rest?.stray.rules[0]?.join(' ');
      expect(stray).toContain(`--hashlimit-upto ${perSecond}/sec --hashlimit-burst ${atOnce} `);
      const table = nftText([WATCHED], { ...SETTINGS, sweepGuard }, ['INPUT']);
      expect(
        table.match(new RegExp(`limit rate over ${perSecond}/second burst ${atOnce} packets`, 'g')),
      ).toHaveLength(2);
    }
  });

  it('write one line for logs that are read in different ways', () => {
    const { line } = logChains(WATCHED, { ...SETTINGS, logs: [LOG, { ...LOG, format: 'any' }] });
    expect(line.rules).toHaveLength(1);
    expect(line.rules[0]).toContain('LOG');
  });

  it('need a prefix that iptables can write', () => {
    const prefix = 'x'.repeat(30);
    expect(() => logChains(WATCHED, { ...SETTINGS, logs: [{ ...LOG, prefix }] })).toThrow(
      `iptables cannot write a log.prefix of more than 29 bytes (${prefix}), shorten it`,
    );
    const bare = logChains(WATCHED, { ...SETTINGS, logs: [{ ...LOG, prefix: '' }] });
    expect(bare.line.rules[0]).not.toContain('--log-prefix');
  });

  it('have names that fit beside a long one', () => {
    expect(chainNames('X'.repeat(28))).toEqual({
      log: `${'X'.repeat(24)}-LOG`,
      line: `${'X'.repeat(23)}-LINE`,
      closed: `${'X'.repeat(21)}-CLOSED`,
      rest: `${'X'.repeat(23)}-REST`,
      stray: `${'X'.repeat(22)}-STRAY`,
      ended: `${'X'.repeat(22)}-ENDED`,
    });
  });
});

describe('the table for nft', () => {
  it('needs a prefix that nft can write, and hooks that it has', () => {
    expect(() => nftText([WATCHED], { ...SETTINGS, logs: [{ ...LOG, prefix: 'a"' }] }, ['INPUT'])).toThrow(
      'nftables cannot write',
    );
    expect(() => nftText([WATCHED], SETTINGS, ['MINE'])).toThrow(
      'nftables has no hook for this chain (MINE)',
    );
  });

  it('writes a line for each log that wants one of its own', () => {
    const text = nftText([WATCHED], { ...SETTINGS, logs: [LOG, LOG, ULOGD] }, ['INPUT']);
    expect(text).toContain('\t\tlog prefix "KNOCK " level info\n\t\tlog prefix "knock " group 0\n');
    expect(text.match(/prefix "KNOCK "/g)).toHaveLength(2);
  });

  it('has one chain for two hooks that are one to it', () => {
    const text = nftText([WATCHED], SETTINGS, ['FORWARD', 'DOCKER-USER']);
    expect(text.match(/hook forward/g)).toHaveLength(1);
  });
});
