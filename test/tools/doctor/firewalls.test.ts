/** What the doctor says about rulesets as they are on real hosts, recorded in fixtures/firewalls. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { baseChainsOf } from '../../../src/firewall/nft-ruleset.ts';
import type { LockOwner } from '../../../src/lib/lock-socket.ts';
import type { Family } from '../../../src/model.ts';
import { checkChain } from '../../../src/tools/doctor/chain.ts';
import type { Finding } from '../../../src/tools/doctor/finding.ts';
import { checkLogRules, deafDoors, deafness } from '../../../src/tools/doctor/log-rules.ts';
import { checkSessions } from '../../../src/tools/doctor/sessions.ts';
import { openingProbes } from '../../../src/tools/setup/probes.ts';
import { watched } from '../../../src/tools/setup/watched.ts';
import { chains, chainsIn } from '../../firewall/chains.ts';

const CONFIG = configOf(
  'ssh: { sequence: [4438, 1813:udp, 8235], tcpflags: [syn], open: { port: 22, for: 30s } }',
);
const SETTINGS = { chain: 'KNOCKD', hooks: ['INPUT'] };

function configOf(...doors: readonly string[]): Config {
  const loaded = loadConfig(`doors:\n${doors.map((door) => `  ${door}\n`).join('')}`);
  return loaded.problems === null ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

const said = ({ status, detail }: Finding): string => `${status}: ${detail}`;
const read = (name: string) => chainsIn(readFileSync(`fixtures/firewalls/${name}`, 'utf8'));
const sequencesOf = (config: Config) => (door: string) => [config.doors.get(door)?.sequence ?? []];

function chain(
  iptables: ReturnType<typeof chainsIn>,
  {
    family = 4 as Family,
    manage = false,
    config = CONFIG,
    daemon = null as LockOwner | null,
    nft = null as string | null,
  } = {},
): Finding {
  const filter = { family, iptables, nft: nft === null ? null : baseChainsOf(nft) };
  return checkChain(filter, { ...SETTINGS, manage }, openingProbes(config, family), daemon);
}

describe('a sound firewall', () => {
  it.each([
    ['sound.v4', 4],
    ['sound.v6', 6],
  ] as const)('is one, with accepting rules before the jump: %s', (name, family) => {
    const filter = { family, iptables: read(name), nft: null };
    expect(said(chain(filter.iptables, { family }))).toBe(
      'ok: INPUT jumps to it before any rule that drops what a door lets in',
    );
    const seen = watched(CONFIG, family, sequencesOf(CONFIG)) ?? expect.fail();
    expect(said(checkLogRules(filter, ['INPUT'], seen, CONFIG.logs))).toBe('ok: each of 3 knocks is logged');
    expect(checkSessions(filter, ['INPUT'], openingProbes(CONFIG, family)).map(said)).toEqual([
      'ok: connections go on when their door closes',
    ]);
    expect(deafDoors(filter, CONFIG, sequencesOf(CONFIG))).toEqual([]);
  });

  it('is one with bans before the jump, which are named', () => {
    expect(said(chain(read('fail2ban.v4')))).toBe(
      'ok: INPUT jumps to it before any rule that drops what a door lets in, but for what ' +
        '-A f2b-recidive -s 203.0.113.8/32 -j REJECT --reject-with icmp-port-unreachable drops',
    );
  });
});

describe('the chain of openings', () => {
  const sound = { INPUT: ['-P DROP', '-j KNOCKD'], KNOCKD: [] };

  it.each([
    ['there is no chain KNOCKD', { INPUT: [] }],
    ['INPUT does not jump to KNOCKD', { INPUT: ['-j DROP'], KNOCKD: [] }],
    [
      'the jump from INPUT to KNOCKD comes too late: -A INPUT -j DROP is before it',
      { INPUT: ['-j DROP', '-j KNOCKD'], KNOCKD: [] },
    ],
    [
      'the jump from INPUT to KNOCKD comes too late: -A MINE -p tcp -j DROP is before it',
      { INPUT: ['-j MINE', '-j KNOCKD'], MINE: ['-p tcp -j DROP'], KNOCKD: [] },
    ],
  ])('is not in order where %s, which a daemon that manages it mends', (detail, rules) => {
    const iptables = chains(rules);
    expect(chain(iptables)).toMatchObject({ status: 'fail', detail, remedy: 'knocktail rules --apply' });
    expect(chain(iptables, { manage: true })).toMatchObject({
      status: 'warn',
      detail: `${detail}; the daemon puts that right when it starts`,
      remedy: 'knocktail run',
    });
    expect(chain(iptables, { manage: true, daemon: { pid: 812, isInReach: true } })).toMatchObject({
      status: 'warn',
      detail: `${detail}; the daemon (812) puts that right within a minute`,
      remedy: 'kill -HUP 812',
    });
    expect(chain(iptables, { manage: true, daemon: { pid: 7, isInReach: false } })).toMatchObject({
      detail: `${detail}; the daemon (7 in another container) puts that right within a minute`,
      remedy: expect.not.stringMatching(/knocktail run|kill/),
    });
  });

  it('is not in order where a hook is missing over IPv4', () => {
    const settings = { ...SETTINGS, hooks: ['INPUT', 'DOCKER-USER'], manage: true };
    const filter = { iptables: chains(sound), nft: null };
    const openings = openingProbes(CONFIG, 4);
    expect(said(checkChain({ family: 4, ...filter }, settings, openings, null))).toBe(
      'fail: there is no chain DOCKER-USER',
    );
    expect(checkChain({ family: 6, ...filter }, settings, openings, null).status).toBe('ok');
  });

  it('serves each door, or says which it does not', () => {
    const iptables = chains({ INPUT: ['-P DROP', '-p tcp -m tcp --dport 443 -j KNOCKD'], KNOCKD: [] });
    expect(chain(iptables)).toMatchObject({
      status: 'fail',
      detail: 'INPUT jumps to KNOCKD only for some packets, and not for 22/tcp',
      remedy: 'change that rule, or add one: iptables -I INPUT 1 -j KNOCKD',
    });
  });

  it('does not help where a table of nft drops the packet as well', () => {
    const table = (rules: string, policy = 'accept') => `{"nftables": [
      {"table": {"family": "inet", "name": "mine", "handle": 1}},
      {"chain": {"family": "inet", "table": "mine", "name": "in", "type": "filter", "hook": "input", "prio": 10, "policy": "${policy}"}}
      ${rules}]}`;
    const rule = (expr: string) =>
      `, {"rule": {"family": "inet", "table": "mine", "chain": "in", "handle": 7, "expr": [${expr}]}}`;
    const port = (number: number) =>
      `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": ${number}}}`;
    const nft = (text: string) => said(chain(chains(sound), { nft: text }));
    expect(nft(table(rule(`${port(22)}, {"drop": null}`)))).toBe(
      'fail: an opening of 22/tcp does not help: rule of nft in inet mine in, handle 7 drops the packet as well',
    );
    expect(nft(table('', 'drop'))).toBe(
      'fail: an opening of 22/tcp does not help: the policy of a table of nft drops the packet as well',
    );
    expect(nft(table(rule(`${port(22)}, {"accept": null}`), 'drop'))).toContain('ok');
    expect(nft(table(rule(`${port(23)}, {"drop": null}`)))).toContain('ok');
    const set =
      '{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@knocked"}}';
    const named = `, {"set": {"family": "inet", "table": "mine", "name": "knocked", "type": "ipv4_addr", "elem": ["192.0.2.1"]}}`;
    expect(
      nft(table(`${named}${rule(`${set}, {"accept": null}`)}`, 'drop')),
      'a set of those who knocked',
    ).toContain('ok');
  });
});

describe('connections', () => {
  const sessions = (...input: readonly string[]) =>
    checkSessions(
      { family: 4, iptables: chains({ INPUT: input }), nft: null },
      ['INPUT'],
      openingProbes(CONFIG, 4),
    );

  it('are cut with their door where nothing accepts what is established', () => {
    expect(sessions('-P DROP', '-j KNOCKD')).toEqual([
      {
        check: 'sessions, IPv4',
        status: 'warn',
        detail: 'a connection is cut when its door closes: -P INPUT DROP drops what is established',
        remedy: 'iptables -I INPUT 1 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
      },
    ]);
    expect(sessions('-P ACCEPT', '-p tcp -m tcp --dport 22 -j DROP')[0]?.status).toBe('warn');
    expect(
      sessions('-P ACCEPT', '-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j DROP')[0]?.status,
    ).toBe('ok');
    expect(sessions('-P DROP', '-m state --state RELATED,ESTABLISHED -j ACCEPT')[0]?.status).toBe('ok');
  });
});

describe('a door', () => {
  it('is deaf where one of its steps is not logged, and the others are not', () => {
    const config = configOf(
      'ssh: { sequence: [4438, 1813:udp, 8235], open: { port: 22, for: 30s } }',
      'web: { sequence: [4438, 7777], open: { port: 443, for: 30s } }',
    );
    const filter = { family: 4, iptables: read('sound.v4'), nft: null } as const;
    expect(deafDoors(filter, config, sequencesOf(config)).map((each) => deafness(each, [4]))).toEqual([
      'door web is deaf over IPv4: 7777/tcp is not logged ahead of -A INPUT -j DROP',
    ]);
  });

  it('hears what rules of nft log, also where iptables cannot read its table', () => {
    const nft = baseChainsOf(readFileSync('fixtures/firewalls/knocktail.nft.json', 'utf8'));
    for (const iptables of [null, chains({ INPUT: ['-j DROP'] })])
      for (const family of [4, 6] as const)
        expect(deafDoors({ family, iptables, nft }, CONFIG, sequencesOf(CONFIG))).toEqual([]);
    const dropped = chains({ INPUT: ['-j DROP'] });
    expect(deafDoors({ family: 4, iptables: dropped, nft: null }, CONFIG, sequencesOf(CONFIG))).toHaveLength(
      1,
    );
  });
});
