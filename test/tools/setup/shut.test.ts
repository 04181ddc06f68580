import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { planHook } from '../../../src/firewall/hook.ts';
import type { Probe } from '../../../src/firewall/packet-match.ts';
import { type Chains, walk } from '../../../src/firewall/walk.ts';
import type { Family } from '../../../src/model.ts';
import { planRemoval } from '../../../src/tools/setup/plan.ts';
import { openingProbes, strangerProbes } from '../../../src/tools/setup/probes.ts';
import { commandsOf, planShut, withoutPort } from '../../../src/tools/setup/shut.ts';
import { chains, chainsIn } from '../../firewall/chains.ts';

const JUMPS = ['-j KNOCKD', '-j KNOCKD-LOG'];
const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
const OWN = {
  KNOCKD: [],
  'KNOCKD-LOG': ['-p tcp -m multiport --dports 4438,8235 -j LOG --log-prefix KNOCK'],
};
const MADE = '-m comment --comment knocktail-shut';
const DROP = `! -i lo -p tcp -m tcp --dport 22 ${MADE} -j DROP`;

interface Given {
  readonly hooks?: readonly string[];
  readonly more?: string;
  readonly open?: string;
  readonly family?: Family;
  readonly outside?: readonly string[];
}

function configOf({ more = '', open = '{ port: 22, for: 30s }' }: Given) {
  const loaded = loadConfig(`${more}\ndoors: { ssh: { sequence: [4438, 1813:udp, 8235], open: ${open} } }\n`);
  return loaded.problems === null ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

function plan(iptables: Chains, given: Given = {}) {
  const { hooks = ['INPUT'], family = 4, outside = ['eth0'] } = given;
  const filter = { family, iptables, nft: null };
  const strangers = strangerProbes(configOf(given), family, { known: outside, sure: outside });
  return planShut(filter, { chain: 'KNOCKD', hooks }, strangers);
}

/** The commands, without what they have in common. */
const done = (...given: Parameters<typeof plan>) =>
  commandsOf(plan(...given).changes, 'iptables').map((line) => line.replace('iptables -w ', ''));

const ETH0 = { known: ['eth0'], sure: ['eth0'] };
const hook = (iptables: Chains, name = 'INPUT') =>
  iptables.get(name)?.rules.map(({ spec }) => spec.join(' ')) ?? [];

const input = (...rules: readonly string[]) => chains({ INPUT: rules, ...OWN });

describe('shutting a port', () => {
  it('takes the rule away that lets everyone in, where a drop follows', () => {
    const iptables = input(
      '-P ACCEPT',
      ...JUMPS,
      ESTABLISHED,
      '-p tcp -m tcp --dport 22 -j ACCEPT',
      '-j DROP',
    );
    expect(plan(iptables).told).toEqual([
      '22/tcp is open to everyone: -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
    ]);
    expect(done(iptables)).toEqual(['-D INPUT -p tcp -m tcp --dport 22 -j ACCEPT']);
  });

  it('adds the drop where the policy accepts, behind the rules of knocktail', () => {
    const iptables = input('-P ACCEPT', ...JUMPS, ESTABLISHED);
    expect(plan(iptables).told).toEqual(['22/tcp is open to everyone: -P INPUT ACCEPT']);
    expect(done(iptables)).toEqual([`-I INPUT 4 ${DROP}`]);
  });

  it('leaves nothing to do when it is done, whatever let people in', () => {
    const iptables = input(
      '-P ACCEPT',
      ...JUMPS,
      '-p tcp -m multiport --dports 22,80,443 -j ACCEPT',
      '-p tcp -j ACCEPT',
    );
    const { filter } = plan(iptables);
    expect(hook(filter.iptables)).toEqual([
      ...JUMPS,
      '-p tcp -m multiport --dports 80,443 -j ACCEPT',
      `-m conntrack --ctstate RELATED,ESTABLISHED ${MADE} -j ACCEPT`,
      DROP,
      '-p tcp -j ACCEPT',
    ]);
    expect(plan(filter.iptables).changes).toEqual([]);
  });

  it('takes each of several such rules away, those of chains of the user among them', () => {
    const iptables = chains({
      INPUT: [
        '-P DROP',
        ...JUMPS,
        ESTABLISHED,
        '-p tcp -m tcp --dport 22 -m limit --limit 5/min -j ACCEPT',
        '-j SERVICES',
      ],
      SERVICES: ['-p tcp -m tcp --dport 80 -j ACCEPT', '-i eth0 -p tcp -m tcp --dport 22 -j ACCEPT'],
      ...OWN,
    });
    expect(done(iptables)).toEqual([
      '-D INPUT -p tcp -m tcp --dport 22 -m limit --limit 5/min -j ACCEPT',
      '-D SERVICES -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT',
    ]);
  });

  it('leaves those alone that let in a network, and puts the drop after them', () => {
    const office = '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT';
    const iptables = input('-P ACCEPT', ...JUMPS, ESTABLISHED, '-p tcp -m tcp --dport 22 -j ACCEPT', office);
    expect(hook(plan(iptables).filter.iptables)).toEqual([...JUMPS, ESTABLISHED, office, DROP]);
  });

  it('says whom the drop shuts out besides, where that cannot be helped', () => {
    const office = '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT';
    const { told } = plan(input('-P ACCEPT', ...JUMPS, ESTABLISHED, '-p tcp -j ACCEPT', office));
    expect(told).toContain(`22/tcp: -A INPUT ${office} comes after the drop, so whom it let in has to knock`);
  });

  it('leaves rules of ufw to ufw, and drops before them', () => {
    const iptables = readUfw('ufw.v4');
    const { filter, told } = plan(iptables);
    const rules = hook(filter.iptables);
    expect(told.join()).toContain('22/tcp is open to everyone: -A ufw-user-input');
    expect(rules.indexOf(DROP)).toBeLessThan(rules.indexOf('-j ufw-before-input'));
    expect(rules.indexOf(DROP)).toBeGreaterThan(rules.indexOf('-j KNOCKD-LOG'));
    expect(rules[rules.indexOf(DROP) - 1]).toContain('--ctstate RELATED,ESTABLISHED');
  });

  it('moves the jumps of knocktail ahead of the drop', () => {
    const iptables = input('-P DROP', '-p tcp -m tcp --dport 1:1024 -j ACCEPT', ESTABLISHED, ...JUMPS);
    const { filter } = plan(iptables);
    expect(hook(filter.iptables)).toEqual([
      ...JUMPS,
      `-m conntrack --ctstate RELATED,ESTABLISHED ${MADE} -j ACCEPT`,
      DROP,
      '-p tcp -m tcp --dport 1:1024 -j ACCEPT',
      ESTABLISHED,
    ]);
    expect(planHook(filter.iptables, 'INPUT', 'KNOCKD', openingProbes(configOf({}), 4))).toEqual({
      kind: 'stands',
    });
  });

  it('keeps established connections behind the bans at the head of the hook', () => {
    const iptables = chains({
      INPUT: ['-P DROP', '-j f2b-sshd', ...JUMPS],
      'f2b-sshd': ['-s 192.0.2.9/32 -j REJECT'],
      ...OWN,
    });
    expect(hook(plan(iptables).filter.iptables)).toEqual([
      '-j f2b-sshd',
      ...JUMPS,
      `-m conntrack --ctstate RELATED,ESTABLISHED ${MADE} -j ACCEPT`,
    ]);
  });

  it('drops on the interface on which knocks are heard, where that is one', () => {
    const iptables = input('-P ACCEPT', ...JUMPS, ESTABLISHED, '-i eth1 -p tcp -j ACCEPT');
    expect(done(iptables, { more: 'interface: eth0' })).toEqual([
      `-I INPUT 5 -i eth0 -p tcp -m tcp --dport 22 ${MADE} -j DROP`,
    ]);
  });

  it('shuts each interface by which strangers come', () => {
    const rules = ['-i eth0 -p tcp -m tcp --dport 22 -j ACCEPT', '-i wlan0 -j PUBLIC', '-i tun0 -j ACCEPT'];
    const iptables = chains({
      INPUT: ['-P DROP', ...JUMPS, ESTABLISHED, ...rules],
      PUBLIC: ['-p tcp -m tcp --dport 22 -j ACCEPT'],
      ...OWN,
    });
    expect(done(iptables, { outside: ['eth0', 'wlan0'] })).toEqual([
      `-D INPUT ${rules[0]}`,
      '-D PUBLIC -p tcp -m tcp --dport 22 -j ACCEPT',
    ]);
  });

  it('leaves alone what it does not know, and says so', () => {
    const rule = '-p tcp -m geoip --source-country DE -m tcp --dport 22 -j ACCEPT';
    expect(plan(input('-P DROP', ...JUMPS, ESTABLISHED, rule))).toMatchObject({
      changes: [],
      told: [`22/tcp may still be reached without a knock by -A INPUT ${rule}, which stays`],
    });
  });

  it('is for IPv6, too, though no knock over IPv6 is accepted', () => {
    const iptables = input('-P ACCEPT', ...JUMPS, ESTABLISHED);
    expect(done(iptables, { family: 6, more: 'ipv6: false' })).toEqual([`-I INPUT 4 ${DROP}`]);
  });

  it('drops what Docker publishes in the chain that Docker leaves to the user', () => {
    const docker = {
      INPUT: ['-P ACCEPT', ...JUMPS],
      FORWARD: ['-P DROP', '-j DOCKER-USER', '-j DOCKER-FORWARD'],
      'DOCKER-USER': [...JUMPS, '-j RETURN'],
      'DOCKER-FORWARD': ['-o docker0 -j DOCKER', '-i docker0 -j ACCEPT'],
      DOCKER: ['-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8000 -j ACCEPT'],
      ...OWN,
    };
    const given = { hooks: ['INPUT', 'DOCKER-USER'], open: '{ port: 8000, for: 30s }' };
    const { changes, told, filter } = plan(chains(docker), given);
    expect(told[0]).toContain(`8000/tcp is open to everyone: -A DOCKER -d 172.17.0.2/32`);
    expect(changes.length).toBe(2);
    expect(hook(filter.iptables, 'DOCKER-USER')).toEqual([
      ...JUMPS,
      `-m conntrack --ctstate RELATED,ESTABLISHED ${MADE} -j ACCEPT`,
      `-i eth0 -p tcp -m tcp --dport 8000 ${MADE} -j DROP`,
      '-j RETURN',
    ]);
    expect(plan(filter.iptables, given).changes).toEqual([]);
  });
});

function readUfw(name: string): Chains {
  const text = readFileSync(`fixtures/firewalls/${name}`, 'utf8');
  const with22 = `${text}-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n`;
  return chainsIn(with22);
}

it('the removal of all rules says which drops stay', () => {
  const listing = new Map([['INPUT', `-P INPUT ACCEPT\n-A INPUT ${DROP}\n-A INPUT -p tcp -j DROP\n`]]);
  expect(planRemoval(listing, { chain: 'KNOCKD', hooks: ['INPUT'] })).toMatchObject({
    operations: [],
    told: [`INPUT still drops what knocks opened: -D INPUT ${DROP}`],
  });
});

describe('a rule without a port', () => {
  const [probe] = strangerProbes(configOf({}), 4, { known: [], sure: [] });
  const left = (spec: string) => withoutPort(spec.split(' '), probe ?? expect.fail())?.join(' ') ?? null;

  it('is none, one for the other ports, or not known', () => {
    expect(left('-p tcp -m tcp --dport 22 -j ACCEPT')).toBe('');
    expect(left('-p tcp -m multiport --dports 22 -j ACCEPT')).toBe('');
    expect(left('-p tcp -m multiport --dports 22,80 -j ACCEPT')).toBe(
      '-p tcp -m multiport --dports 80 -j ACCEPT',
    );
    expect(left('-p tcp -m tcp --dport 20:25 -j ACCEPT')).toBeNull();
    expect(left('-p tcp -m multiport --dports 20:25,80 -j ACCEPT')).toBeNull();
    expect(left('-p tcp -m tcp ! --dport 80 -j ACCEPT')).toBeNull();
    expect(left('-p tcp -j ACCEPT')).toBeNull();
  });
});

/** Draws the same numbers each time. */
function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('any firewall', () => {
  const RULES = [
    '-p tcp -m tcp --dport 22 -j ACCEPT',
    '-p tcp -m multiport --dports 22,443 -j ACCEPT',
    '-p tcp -m tcp --dport 20:25 -j ACCEPT',
    '-i eth0 -j ACCEPT',
    '-i eth1 -p tcp -m tcp --dport 22 -j ACCEPT',
    '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT',
    '! -s 10.0.0.0/8 -j ACCEPT',
    '-p tcp -j ACCEPT',
    '-p udp -j ACCEPT',
    '-p tcp -m tcp --dport 80 -j DROP',
    '-s 203.0.113.0/24 -j DROP',
    '-j RETURN',
    '-p tcp -j MINE',
    '-p tcp -g MINE',
    '-j DROP',
    ESTABLISHED,
  ];
  const POLICIES = ['-P ACCEPT', '-P DROP'];

  it('is shut to strangers afterwards, keeps its other ports and those who are connected, and lets openings in', () => {
    const below = drawer(7);
    const draw = (count: number) => Array.from({ length: count }, () => RULES[below(RULES.length)] ?? '');
    let changed = 0;
    for (let run = 0; run < 400; run++) {
      const rules = draw(below(7));
      rules.splice(below(rules.length + 1), 0, ...JUMPS);
      const mine = draw(below(4)).filter((rule) => !rule.includes('MINE'));
      const before = chains({ INPUT: [POLICIES[below(2)] ?? '', ...rules], MINE: mine, ...OWN });
      const { filter, changes } = plan(before);
      const after = filter.iptables;
      if (changes.length > 0) changed++;
      const told = [...before].map(([name]) => `${name}: ${hook(before, name).join('; ')}`).join('\n');
      const verdict = (it: Chains, more: Partial<Probe>) =>
        walk(it, 'INPUT', { ...stranger, ...more }).end.verdict;
      expect(verdict(after, {}), told).toBe('drop');
      expect(verdict(after, { state: 'ESTABLISHED', flags: 16 }), told).toBe('accept');
      for (const port of [80, 443, 5_000]) {
        const other = strangerAt(port);
        expect(verdict(after, other), `${port} in ${told}`).toBe(verdict(before, other));
      }
      expect(plan(after).changes, told).toEqual([]);
    }
    expect(changed).toBeGreaterThan(200);
  });

  const [stranger = expect.fail()] = strangerProbes(configOf({}), 4, ETH0);
  const strangerAt = (port: number): Partial<Probe> => {
    const [probe] = strangerProbes(configOf({ open: `{ port: ${port}, for: 1s }` }), 4, ETH0);
    return { port: probe?.port ?? null };
  };
});
