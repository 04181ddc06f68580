import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { baseChainsOf } from '../../../src/firewall/nft-ruleset.ts';
import type { Chains } from '../../../src/firewall/walk.ts';
import type { Family } from '../../../src/model.ts';
import type { Finding } from '../../../src/tools/doctor/finding.ts';
import { checkLateStarts } from '../../../src/tools/doctor/late-start.ts';
import { checkShut } from '../../../src/tools/doctor/shut.ts';
import { strangerProbes } from '../../../src/tools/setup/probes.ts';
import { chains, chainsIn } from '../../firewall/chains.ts';

const DOOR = 'sequence: [4438, 1813:udp, 8235]';
const SSH = `ssh: { ${DOOR}, open: { port: 22, for: 30s } }`;
const MADE = '-m comment --comment knocktail-shut';
const JUMPS = ['-j KNOCKD', '-j KNOCKD-LOG'];
const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';

function configOf(...doors: readonly string[]) {
  const loaded = loadConfig(`doors: { ${doors.join(', ')} }\n`);
  return loaded.problems === null ? loaded.config : expect.fail(JSON.stringify(loaded.problems));
}

const said = ({ status, detail }: Finding) => `${status}: ${detail}`;

interface Given {
  readonly doors?: readonly string[];
  readonly hooks?: readonly string[];
  readonly family?: Family;
  readonly outside?: readonly string[];
  readonly sure?: readonly string[];
  readonly nft?: string | null;
}

function shut(iptables: Chains | null, given: Given = {}) {
  const {
    doors = [SSH],
    hooks = ['INPUT'],
    family = 4,
    outside = ['eth0'],
    sure = outside,
    nft = null,
  } = given;
  const filter = { family, iptables, nft: nft === null ? null : baseChainsOf(nft) };
  const strangers = strangerProbes(configOf(...doors), family, { known: outside, sure });
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  return checkShut(filter, { chain: 'KNOCKD', hooks }, strangers, tool);
}

const input = (...rules: readonly string[]) =>
  chains({ INPUT: rules, KNOCKD: ['-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT'] });

describe('a port that one half of the internet reaches', () => {
  it('is warned of, whether the rule names a network or a range', () => {
    const halves = ['-s 0.0.0.0/1 -p tcp -m tcp --dport 22 -j ACCEPT'];
    const range = ['-p tcp -m tcp --dport 22 -m iprange --src-range 1.0.0.0-223.255.255.255 -j ACCEPT'];
    for (const rules of [halves, range]) {
      const [finding] = shut(input('-P DROP', ...JUMPS, ...rules));
      expect(finding?.status).toBe('warn');
      expect(finding?.detail).toContain(rules[0]);
    }
  });
});

describe('a port that everyone reaches', () => {
  it('fails with the rule that lets them in, and the commands that shut it', () => {
    const rule = '-p tcp -m tcp --dport 22 -j ACCEPT';
    const [finding, ...others] = shut(input('-P ACCEPT', ESTABLISHED, ...JUMPS, rule));
    expect(others).toEqual([]);
    expect(finding).toEqual({
      check: 'shut, IPv4',
      status: 'fail',
      detail: `door ssh: everyone reaches 22/tcp without a knock: -A INPUT ${rule}`,
      remedy:
        `knocktail rules --shut, or: iptables -w -D INPUT ${rule} && ` +
        `iptables -w -I INPUT 4 ! -i lo -p tcp -m tcp --dport 22 ${MADE} -j DROP`,
    });
  });

  it('is one where a policy accepts, over IPv6 as well', () => {
    expect(shut(input('-P ACCEPT', ESTABLISHED, ...JUMPS), { family: 6 })).toMatchObject([
      {
        check: 'shut, IPv6',
        detail: 'door ssh: everyone reaches 22/tcp without a knock: -P INPUT ACCEPT',
        remedy: expect.stringMatching(/, or: ip6tables -w -I INPUT 4 ! -i lo /),
      },
    ]);
  });

  it('is one where an earlier rule accepts it, though a drop follows', () => {
    const rules = ['-p tcp -m multiport --dports 22,80 -j ACCEPT', '-p tcp -m tcp --dport 22 -j DROP'];
    expect(shut(input('-P ACCEPT', ...JUMPS, ESTABLISHED, ...rules))).toMatchObject([
      { detail: expect.stringContaining(`: -A INPUT ${rules[0]}`) },
    ]);
  });

  it('is one at the outer interface alone', () => {
    const rules = ['-P DROP', ...JUMPS, '-i eth0 -p tcp -m tcp --dport 22 -j ACCEPT'];
    expect(shut(input(...rules)).map(said)).toEqual([
      `fail: door ssh: everyone reaches 22/tcp without a knock: -A INPUT ${rules.at(-1)}`,
    ]);
    expect(shut(input(...rules), { outside: ['eth7'] }).map(said)).toEqual([
      `ok: door ssh: 22/tcp is reachable without a knock only over eth0: -A INPUT ${rules.at(-1)}`,
    ]);
  });

  it('is one for each door', () => {
    const doors = [SSH, `web: { ${DOOR.replace('8235', '8236')}, open: { port: 443, for: 1m } }`];
    const findings = shut(input('-P DROP', ...JUMPS, '-p tcp -m tcp --dport 443 -j ACCEPT'), { doors });
    expect(findings.map(said)).toEqual([
      'fail: door web: everyone reaches 443/tcp without a knock: -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT',
    ]);
  });

  it('is one in a real ruleset of ufw, whose rules stay', () => {
    const text = readFileSync('fixtures/firewalls/ufw.v4', 'utf8');
    const [finding] = shut(chainsIn(`${text}-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n`));
    expect(finding?.detail).toContain('-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT');
    expect(finding?.remedy).not.toContain('-D ');
    expect(finding?.remedy).toContain('-j DROP');
  });

  it('is one where nft alone filters, with the command that deletes its rule', () => {
    const nft = (policy: string) => `{"nftables": [
      {"table": {"family": "inet", "name": "filter", "handle": 1}},
      {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "${policy}"}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 7, "expr": [
        {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}]}}]}`;
    expect(shut(null, { nft: nft('drop') })).toMatchObject([
      {
        status: 'fail',
        detail:
          'door ssh: everyone reaches 22/tcp without a knock: rule of nft in inet filter input, handle 7',
        remedy: 'nft delete rule inet filter input handle 7',
      },
    ]);
    const soft = input('-P ACCEPT', ...JUMPS, ESTABLISHED);
    expect(shut(soft, { nft: nft('drop') }).map(said), 'a drop of iptables shuts it').toEqual([
      'fail: door ssh: everyone reaches 22/tcp without a knock: -P INPUT ACCEPT',
    ]);
  });
});

describe('a port that some reach', () => {
  it('is well, and it is said whom a rule lets in', () => {
    const office = '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT';
    expect(shut(input('-P DROP', ...JUMPS, office)).map(said)).toEqual([
      `ok: door ssh: 22/tcp is reachable without a knock only from 10.0.0.0/8: -A INPUT ${office}`,
    ]);
    expect(shut(input('-P DROP', ...JUMPS, office, '-i tun0 -j ACCEPT')).map(said)).toEqual([
      `ok: door ssh: 22/tcp is reachable without a knock only from 10.0.0.0/8: -A INPUT ${office}, and by 1 more rule`,
    ]);
  });

  it('is doubtful where a rule has words that are not understood', () => {
    const rule = '-p tcp -m geoip --source-country DE -m tcp --dport 22 -j ACCEPT';
    expect(shut(input('-P DROP', ...JUMPS, rule)).map(said)).toEqual([
      `warn: door ssh: 22/tcp may be reached without a knock: -A INPUT ${rule}`,
    ]);
  });

  it('is doubtful where it is not known whether strangers come by an interface', () => {
    const rules = ['-P DROP', ...JUMPS, '-i tailscale0 -j ACCEPT'];
    const outside = ['eth0', 'tailscale0'];
    expect(shut(input(...rules), { outside, sure: [] }).map(said)).toEqual([
      'warn: door ssh: 22/tcp may be reached without a knock: -A INPUT -i tailscale0 -j ACCEPT',
    ]);
    expect(shut(input(...rules), { outside })[0]?.status).toBe('fail');
  });

  it('cannot be told where another program decides', () => {
    expect(shut(input('-P DROP', ...JUMPS, '-p tcp -j NFQUEUE --queue-num 0')).map(said)).toEqual([
      'skip: door ssh: another program decides who reaches 22/tcp: -A INPUT -p tcp -j NFQUEUE --queue-num 0',
    ]);
  });
});

describe('a port that is shut', () => {
  it('is well, whatever openings there are', () => {
    expect(shut(input('-P DROP', ...JUMPS, '-i lo -j ACCEPT', ESTABLISHED)).map(said)).toEqual([
      'ok: nobody reaches 22/tcp without a knock',
    ]);
  });

  it('is well where a table of nft drops it, whatever iptables does', () => {
    const nft = `{"nftables": [
      {"table": {"family": "inet", "name": "mine", "handle": 1}},
      {"chain": {"family": "inet", "table": "mine", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 10, "policy": "drop"}}]}`;
    expect(shut(input('-P ACCEPT'), { nft }).map(said)).toEqual([
      'ok: nobody reaches 22/tcp without a knock',
    ]);
  });

  it('is not one of this host where rules for the port are in the forwarding chains', () => {
    const doors = [`web: { ${DOOR}, open: { port: 8000, for: 1m } }`];
    const docker = (user: readonly string[]) =>
      chains({
        INPUT: ['-P ACCEPT', ...JUMPS],
        FORWARD: ['-P DROP', '-j DOCKER-USER', '-o docker0 -j DOCKER'],
        'DOCKER-USER': user,
        DOCKER: ['-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8000 -j ACCEPT'],
        KNOCKD: [],
      });
    const given = { doors, hooks: ['INPUT', 'DOCKER-USER'] };
    const drop = '-i eth0 -p tcp -m tcp --dport 8000 -j DROP';
    expect(shut(docker([...JUMPS, drop, '-j RETURN']), given).map(said)).toEqual([
      expect.stringMatching(
        /^ok: door web: 8000\/tcp is reachable without a knock only over other interfaces: -A DOCKER/,
      ),
    ]);
    expect(shut(docker([...JUMPS, '-j RETURN']), given)).toMatchObject([
      { status: 'fail', remedy: expect.stringContaining('-I DOCKER-USER 3 ') },
    ]);
  });
});

describe('a start command', () => {
  const late = (rules: readonly string[], command: string, family: Family = 4) =>
    checkLateStarts(
      { family, iptables: chains({ INPUT: rules }), nft: null },
      configOf(
        `ssh: { ${DOOR}, start_command: "${command}", cmd_timeout: 10s, stop_command: "${command.replace(/-A|-I/, '-D')}" }`,
      ),
      ['eth0'],
    );
  const COMMAND = '/sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';

  it('whose rule comes after a drop fails, with two ways to write it', () => {
    expect(late([ESTABLISHED, '-p tcp -m tcp --dport 22 -j DROP'], COMMAND)).toEqual([
      {
        check: 'start commands, IPv4',
        status: 'fail',
        detail:
          'door ssh: the rule that its start_command adds comes too late: -A INPUT -p tcp -m tcp --dport 22 -j DROP is before it',
        remedy:
          'write start_command: /sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT, ' +
          'or in place of the commands open: { port: 22, proto: tcp, for: 10s }',
      },
    ]);
  });

  it('is as late where it names a number behind the drop', () => {
    const third = COMMAND.replace('-A INPUT', '-I INPUT 3');
    expect(late(['-i lo -j ACCEPT', '-j DROP'], third).map(({ status }) => status)).toEqual(['fail']);
    expect(late(['-i lo -j ACCEPT', '-j DROP'], third)[0]?.remedy).toContain('-I INPUT -s %IP%');
    expect(late(['-i lo -j ACCEPT', '-j DROP'], third.replace('3', '2')).map(said)).toEqual([
      'ok: their rules come before any rule that drops the packets',
    ]);
  });

  it('is well where it inserts, where a policy drops, and for other ports', () => {
    const well = ['ok: their rules come before any rule that drops the packets'];
    expect(late(['-j DROP'], COMMAND.replace('-A', '-I')).map(said)).toEqual(well);
    expect(late(['-P DROP', ESTABLISHED], COMMAND).map(said)).toEqual(well);
    expect(late(['-p tcp -m tcp --dport 23 -j DROP'], COMMAND).map(said)).toEqual(well);
  });

  it('is looked at in its own family, where it is one of the usual forms', () => {
    expect(late(['-j DROP'], COMMAND, 6)).toEqual([]);
    expect(late(['-j DROP'], '/usr/local/bin/open %IP%')).toEqual([]);
  });
});
