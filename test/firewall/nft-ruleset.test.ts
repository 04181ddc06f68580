/** What nft prints in JSON, recorded with nftables 1.0.6. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ANY_OPENING } from '../../src/firewall/hook.ts';
import { type BaseChain, baseChainsOf } from '../../src/firewall/nft-ruleset.ts';
import type { Probe } from '../../src/firewall/packet-match.ts';
import { passThrough, stagesOf } from '../../src/firewall/stages.ts';
import { walk } from '../../src/firewall/walk.ts';
import { address, asPort } from '../attempt/traffic.ts';
import { chains } from './chains.ts';

const recorded = (name: string): readonly BaseChain[] =>
  baseChainsOf(readFileSync(`fixtures/firewalls/${name}.nft.json`, 'utf8')) ?? expect.fail('no ruleset');

const tcp = (port: number, more: Partial<Probe> = {}): Probe => ({
  ...ANY_OPENING,
  port: asPort(port),
  ...more,
});
const udp = (port: number, more: Partial<Probe> = {}): Probe => tcp(port, { proto: 'udp', ...more });

describe('a table that a person has made', () => {
  const [base = expect.fail('no base chain')] = recorded('native');
  /** Rules by their handles, as fixtures/firewalls/native.nft has them. */
  const handles = (probe: Probe): string[] => {
    const [entry] = [base.chains.get('in')];
    return (entry?.rules ?? []).flatMap(({ text, matches }) => {
      const { takes } = matches(probe);
      const [, handle] = /handle (\d+)$/.exec(text) ?? [];
      return takes === 'no' ? [] : [`${handle}${takes === 'maybe' ? '?' : ''}`];
    });
  };

  it('has its hook, its priority and its policy', () => {
    expect(base).toMatchObject({
      table: 'inet filter',
      families: [4, 6],
      hook: 'input',
      priority: 0,
      entry: 'in',
    });
    expect(base.isOfIptables).toBe(false);
    expect(base.chains.get('in')?.policy).toBe('drop');
    expect(base.chains.get('other')?.policy).toBeNull();
  });

  it('matches packets by ports, sets, ranges, maps, flags, states and networks', () => {
    // Of each: new connections, those at @knocked, SYNs, what is for this host, a mark, unicasts, a length, a rate, all.
    const rest = ['28', '29?', '30', '31?', '33', '34'];
    expect(handles(tcp(22))).toEqual(['10', '14?', '15?', '16?', '22', '24', ...rest]);
    expect(handles(tcp(22, { from: 'stranger' }))).toEqual(['10', '14?', '16?', '22', '24', ...rest]);
    expect(handles(tcp(5))).toEqual(['10', '16?', '17?', '22', ...rest]);
    expect(handles(udp(53))).toEqual(['10', '16?', '18?', '20', ...rest]);
    expect(handles(tcp(22, { interface: 'eth1' }))).toContain('14');
    expect(handles(tcp(22, { interface: 'wlan0' }))).not.toContain('14');
    expect(handles(tcp(8050, { interface: 'eth1' }))).toContain('14');
    expect(handles(tcp(1500, { from: address('1.2.3.4') }))).toContain('15');
    expect(handles(tcp(35))).toContain('24');
    expect(handles(tcp(23))).toContain('24');
    expect(handles(tcp(99))).toContain('21');
    expect(handles(tcp(99, { flags: 16 }))).not.toContain('21');
    expect(handles(udp(53, { from: address('10.0.0.5') }))).toContain('18');
    expect(handles(tcp(80, { from: address('10.0.0.5'), to: address('10.0.0.2') }))).toContain('17');
    expect(handles(tcp(80, { from: address('10.0.0.5'), to: address('10.0.0.1') }))).not.toContain('17');
  });

  it('matches pings of its family, established connections, and what has a length', () => {
    const ping: Probe = { ...ANY_OPENING, proto: 'icmp', length: 92 };
    expect(handles(ping)).toEqual(['10', '16?', '25', '28', '29?', '30', '31', '33', '34']);
    expect(handles({ ...ping, family: 6 })).toContain('27');
    expect(handles({ ...ping, family: 6 })).not.toContain('25');
    expect(handles(tcp(22, { state: 'ESTABLISHED', flags: 16 }))[0]).toBe('8');
  });

  it('leads a packet through its chains to a verdict', () => {
    const { logs, end } = walk(base.chains, 'in', tcp(23));
    expect(logs).toEqual([{ kind: 'log', prefix: 'x ', format: 'ulogd', isThrottled: true }]);
    expect(end).toMatchObject({ verdict: 'accept', by: 'rule' });
    expect(end.rule?.text).toBe('rule of nft in inet filter in, handle 22');
  });
});

describe('the table that `rules --format nft` makes', () => {
  const nft = recorded('knocktail');

  it.each([4, 6] as const)('logs the knocks over IPv%i, and other ports at their own rate', (family) => {
    const stages = stagesOf({ family, iptables: null, nft }, 'INPUT');
    const logs = (probe: Probe) => passThrough(stages, { ...probe, family }).logs;
    const line = { kind: 'log', prefix: 'KNOCK ', format: 'kernel', isThrottled: false };
    expect(logs(tcp(4438))).toEqual([line]);
    expect(logs(udp(1813))).toEqual([line]);
    expect(logs(tcp(4438, { flags: 16, state: 'ESTABLISHED' }))).toEqual([]);
    expect(logs(tcp(4438, { interface: 'lo' }))).toEqual([line]);
  });
});

describe('the order of tables', () => {
  const iptables = chains({ INPUT: ['-P ACCEPT', '-p tcp -j ACCEPT'] });

  it('is that of their hooks and priorities, and the table that iptables reads counts once', () => {
    const nft = [...recorded('iptables'), ...recorded('native'), ...recorded('knocktail')];
    const entries = stagesOf({ family: 4, iptables, nft }, 'INPUT').map(({ entry }) => entry);
    expect(entries).toEqual(['PREROUTING', 'input', 'INPUT', 'in']);
    const alone = stagesOf({ family: 4, iptables: null, nft: recorded('iptables') }, 'INPUT');
    expect(alone.map(({ entry }) => entry)).toEqual(['PREROUTING', 'INPUT']);
  });

  it('lets a packet through where each of them does', () => {
    const stages = stagesOf({ family: 4, iptables, nft: recorded('native') }, 'INPUT');
    const { end, iptables: own } = passThrough(stages, udp(9, { interface: 'wlan0' }));
    expect(own).toMatchObject({ verdict: 'accept', by: 'policy' });
    expect(end.verdict).toBe('accept');
  });

  it('is not known where nft prints something else', () => {
    expect(baseChainsOf('Error: syntax error')).toBeNull();
    expect(baseChainsOf('{"nftables": 7}')).toBeNull();
    expect(baseChainsOf('{"nftables": [{"rule": {"chain": 1}}, 7, null, {"chain": {}}]}')).toEqual([]);
  });
});
