import { describe, expect, it } from 'vitest';
import { ANY_OPENING } from '../../../src/firewall/hook.ts';
import { argvOf } from '../../../src/firewall/operation.ts';
import { logChains } from '../../../src/tools/setup/chains.ts';
import { type Plan, planRemoval, planRules } from '../../../src/tools/setup/plan.ts';
import type { Watched } from '../../../src/tools/setup/watched.ts';
import { asPort } from '../../attempt/traffic.ts';

const ANY = { from: null, to: null, flags: null };
const WATCHED: Watched = {
  family: 4,
  tcp: [asPort(4438)],
  udp: [],
  echoes: [],
  views: [ANY],
  interface: null,
};
const NAMED = { chain: 'KNOCKD', logs: [{ prefix: 'KNOCK ', format: 'kernel' }], sweepGuard: 8 } as const;
const CHAINS = logChains(WATCHED, NAMED);
const { closed, rest, stray } = CHAINS.rest ?? expect.fail('the sweep guard is on');
const REST = [closed, rest, stray];
const SETTINGS = { chain: 'KNOCKD', hooks: ['INPUT'] };
const OURS = ['KNOCKD', 'KNOCKD-LOG', 'KNOCKD-LINE', 'KNOCKD-CLOSED', 'KNOCKD-REST', 'KNOCKD-STRAY'];

const SSH = { ...ANY_OPENING, port: asPort(22) };
const LETS_IN = '-I INPUT 1 -p tcp --dport 22 -j ACCEPT';
const PASSING = { openings: [SSH], knocks: [{ ...ANY_OPENING, port: asPort(4438) }] };

/** A packet filter of paper: chains and their rules, `-P` first where there is a policy. */
function listing(input: string, others: readonly string[] = []) {
  const contents = new Map([CHAINS.log, CHAINS.line, ...REST].map((it) => [it.name, it.rules]));
  const lines = (name: string) =>
    (contents.get(name) ?? []).map(
      (spec) => `-A ${name} ${spec.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`,
    );
  return new Map<string, string | null>([
    ['INPUT', input],
    ...OURS.map(
      (name) => [name, others.includes(name) ? [`-N ${name}`, ...lines(name)].join('\n') : null] as const,
    ),
  ]);
}

/** What is done to hooks, and to whole chains, in short. */
const done = ({ operations }: Plan) =>
  operations
    .filter(({ op, chain }) => op !== 'insert' || chain === 'INPUT')
    .map((operation) => argvOf(operation).slice(1).join(' '));

describe('the plan for a packet filter', () => {
  it('puts the jumps ahead of all that ends the way, one behind the other', () => {
    const input = '-P INPUT ACCEPT\n-A INPUT -j LOG\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j DROP\n';
    expect(done(planRules(listing(input), SETTINGS, CHAINS))).toEqual([
      '-N KNOCKD',
      '-N KNOCKD-LINE',
      '-N KNOCKD-LOG',
      '-N KNOCKD-STRAY',
      '-N KNOCKD-REST',
      '-N KNOCKD-CLOSED',
      '-I INPUT 2 -j KNOCKD',
      '-I INPUT 3 -j KNOCKD-LOG',
      '-I INPUT 4 -j KNOCKD-CLOSED',
    ]);
  });

  it('is empty where all stands', () => {
    const input =
      '-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-CLOSED\n-A INPUT -i lo -j ACCEPT\n';
    expect(planRules(listing(input, OURS), SETTINGS, CHAINS)).toMatchObject({ operations: [], told: [] });
  });

  it('replaces a chain of an older version, which accepted established connections', () => {
    const input =
      '-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-CLOSED\n-A INPUT -i lo -j ACCEPT\n';
    const now = listing(input, OURS);
    const text = now.get('KNOCKD-LOG') ?? '';
    expect(text).toContain('--ctstate RELATED,ESTABLISHED -j RETURN');
    const old = new Map([...now, ['KNOCKD-LOG', text.replace('-j RETURN', '-j ACCEPT')]]);
    const plan = planRules(old, SETTINGS, CHAINS);
    expect(done(plan)).toEqual(['-F KNOCKD-LOG']);
    expect(plan.operations.slice(1)).toEqual(
      CHAINS.log.rules.map((spec, index) => ({ op: 'insert', chain: 'KNOCKD-LOG', at: index + 1, spec })),
    );
  });

  it('moves jumps that stand too late, and none that accepting rules are before', () => {
    const late =
      '-P INPUT DROP\n-A INPUT -j KNOCKD-REST\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -j DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n';
    expect(done(planRules(listing(late, OURS), SETTINGS, CHAINS, PASSING))).toEqual([
      '-D INPUT -j KNOCKD',
      '-I INPUT 3 -j KNOCKD',
      '-D INPUT -j KNOCKD-LOG',
      '-I INPUT 4 -j KNOCKD-LOG',
      '-D INPUT -j KNOCKD-REST',
      '-I INPUT 4 -j KNOCKD-CLOSED',
    ]);
    const sound =
      '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-CLOSED\n-A INPUT -j DROP\n';
    expect(planRules(listing(sound, OURS), SETTINGS, CHAINS, PASSING)).toMatchObject({
      operations: [],
      told: [],
    });
  });

  it('logs knocks ahead of a rule that accepts them', () => {
    const input = '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -j KNOCKD\n';
    const plan = planRules(
      listing(input, ['KNOCKD', 'KNOCKD-LINE', 'KNOCKD-LOG']),
      SETTINGS,
      CHAINS,
      PASSING,
    );
    expect(done(plan).filter((words) => words.endsWith('-j KNOCKD-LOG'))).toEqual([
      '-I INPUT 2 -j KNOCKD-LOG',
    ]);
    expect(done(plan).filter((words) => words.endsWith('-j KNOCKD'))).toEqual([]);
  });

  it('says where connections would be cut when their door closes', () => {
    const told = (input: string) =>
      planRules(listing(input, OURS), SETTINGS, CHAINS, PASSING).told.filter((text) =>
        /established/.test(text),
      );
    expect(told('-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n')).toEqual([
      'nothing in INPUT accepts established connections before -P INPUT DROP, so one is cut when its door closes; ' +
        'to keep them: -I INPUT 1 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    ]);
    expect(told('-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n')).toEqual([
      expect.stringContaining('before -A INPUT -p tcp -m tcp --dport 22 -j DROP'),
    ]);
    expect(told('-P INPUT DROP\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n')).toEqual([]);
    expect(told('-P INPUT ACCEPT\n')).toEqual([]);
  });

  it('writes a chain anew that says something else, and never that of the openings', () => {
    const other = listing('-P INPUT DROP\n', OURS);
    other.set('KNOCKD-LINE', '-N KNOCKD-LINE\n-A KNOCKD-LINE -j LOG\n');
    other.set('KNOCKD', '-N KNOCKD\n-A KNOCKD -s 192.0.2.1/32 -j ACCEPT\n');
    const { operations } = planRules(other, SETTINGS, CHAINS);
    expect(operations.slice(0, 2).map(({ op, chain }) => `${op} ${chain}`)).toEqual([
      'empty-chain KNOCKD-LINE',
      'insert KNOCKD-LINE',
    ]);
    expect(operations.filter(({ chain }) => chain === 'KNOCKD')).toEqual([]);
  });

  it('logs packets to closed ports where all others are let in, too', () => {
    const plan = planRules(
      listing('-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\n'),
      SETTINGS,
      CHAINS,
    );
    expect(done(plan).filter((words) => words.includes('-j'))).toEqual([
      '-I INPUT 1 -j KNOCKD',
      '-I INPUT 2 -j KNOCKD-LOG',
      '-I INPUT 3 -j KNOCKD-CLOSED',
    ]);
    expect(plan.told.filter((text) => text.includes('sweep'))).toEqual([]);
  });

  it('moves the jump to other ports that an older version or a person has put elsewhere', () => {
    const input =
      '-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j MINE\n-A INPUT -j KNOCKD-REST\n';
    const chains = listing(input, OURS).set('MINE', '-N MINE\n-A MINE -j KNOCKD-REST\n-A MINE -j DROP\n');
    const plan = planRules(chains, SETTINGS, CHAINS);
    expect(done(plan)).toEqual([
      '-D INPUT -j KNOCKD-REST',
      '-D MINE -j KNOCKD-REST',
      '-I INPUT 3 -j KNOCKD-CLOSED',
    ]);
  });

  describe('for a kernel that does not know who listens, or a hook where none can', () => {
    const OLD = { knowsListeners: false };
    const FORWARD = { chain: 'KNOCKD', hooks: ['FORWARD'] };

    it('logs what is about to be dropped', () => {
      const input = '-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -i lo -j ACCEPT\n';
      const plan = planRules(listing(input), SETTINGS, CHAINS, PASSING, OLD);
      expect(done(plan).filter((words) => words.includes('-j'))).toEqual(['-I INPUT 4 -j KNOCKD-REST']);
      expect(plan.told).toContainEqual(expect.stringContaining('has no socket match (xt_socket)'));
      const forward = listing(input).set('FORWARD', input.replaceAll('INPUT', 'FORWARD'));
      const there = planRules(forward, FORWARD, CHAINS, PASSING);
      expect(done(there).filter((words) => words.includes('-j'))).toEqual([]);
      expect(there.operations.map((it) => argvOf(it).slice(1).join(' '))).toContain(
        '-I FORWARD 4 -j KNOCKD-REST',
      );
      for (const { operations } of [plan, there])
        expect(operations.filter(({ chain }) => chain === 'KNOCKD-CLOSED')).toEqual([]);
    });

    it('logs no rest where nothing is dropped, and says what a sequence is worth then', () => {
      const input = '-P INPUT ACCEPT\n-A INPUT -j KNOCKD-CLOSED\n-A INPUT -j KNOCKD-REST\n';
      const plan = planRules(listing(input, OURS), SETTINGS, CHAINS, PASSING, OLD);
      expect(done(plan)).toEqual(
        expect.arrayContaining(['-D INPUT -j KNOCKD-REST', '-D INPUT -j KNOCKD-CLOSED']),
      );
      expect(plan.told).toContain(
        'INPUT lets other ports through, so no port sweep there is seen: one in 24 scans of all ports in random order ' +
          'opens a door of four steps; run this again once it drops them',
      );
    });
  });

  it('removes what a configuration no longer needs', () => {
    const input = '-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n-A INPUT -j KNOCKD-REST\n';
    const unguarded = logChains(WATCHED, { ...NAMED, sweepGuard: 0 });
    expect(done(planRules(listing(input, OURS), SETTINGS, unguarded))).toEqual([
      '-F KNOCKD-CLOSED',
      '-X KNOCKD-CLOSED',
      '-D INPUT -j KNOCKD-REST',
      '-F KNOCKD-REST',
      '-X KNOCKD-REST',
      '-F KNOCKD-STRAY',
      '-X KNOCKD-STRAY',
      // It is filled again, with one rule less.
      '-F KNOCKD-LOG',
    ]);
    expect(
      done(planRules(listing(input, OURS), SETTINGS, null)).filter((words) => words.includes(' -j')),
    ).toEqual(['-D INPUT -j KNOCKD-REST', '-D INPUT -j KNOCKD-LOG']);
  });

  it('passes over a hook that is not there', () => {
    const plan = planRules(listing('-P INPUT DROP\n'), { ...SETTINGS, hooks: ['DOCKER-USER'] }, CHAINS);
    expect(done(plan).filter((words) => words.includes('DOCKER-USER'))).toEqual([]);
  });
});

describe('the removal', () => {
  it('leaves a chain of openings that others use, and its jump', () => {
    const chains = listing('-P INPUT DROP\n-A INPUT -j KNOCKD\n-A INPUT -j KNOCKD-LOG\n', OURS);
    chains.set('KNOCKD', '-N KNOCKD\n-A KNOCKD -s 192.0.2.1/32 -j ACCEPT\n');
    const plan = planRemoval(chains, SETTINGS);
    expect(done(plan).filter((words) => /KNOCKD$/.test(words))).toEqual([]);
    expect(plan.told).toContain('KNOCKD stays, as 1 of its rules are not of knocktail');
  });

  it('leaves jumps with conditions, which are of others, and the chains that they lead to', () => {
    const plan = planRemoval(listing('-P INPUT DROP\n-A INPUT -i eth0 -j KNOCKD-LOG\n', OURS), SETTINGS);
    expect(done(plan)).toEqual([
      ...['CLOSED', 'REST', 'STRAY'].flatMap((tail) => [`-F KNOCKD-${tail}`, `-X KNOCKD-${tail}`]),
      '-X KNOCKD',
    ]);
    expect(plan.told).toContain('KNOCKD-LOG stays, as a rule of INPUT jumps to it');
    expect(plan.told).toContain('KNOCKD-LINE stays, as a rule of KNOCKD-LOG jumps to it');
  });

  it('closes what is open also where the chain has to stay', () => {
    const open =
      '-N KNOCKD\n-A KNOCKD -s 198.51.100.9/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=never" -j ACCEPT\n';
    const chains = listing('-P INPUT DROP\n-A INPUT -i eth0 -j KNOCKD\n');
    chains.set('KNOCKD', open);
    const plan = planRemoval(chains, SETTINGS);
    expect(done(plan)).toEqual(['-F KNOCKD']);
    expect(plan.told).toContain('KNOCKD stays, as a rule of INPUT jumps to it');
  });

  it.each([
    ['', [`nobody reaches 22/tcp any more, by -P INPUT DROP; to let everyone in: ${LETS_IN}`]],
    [
      '-A INPUT -j REJECT\n',
      [`nobody reaches 22/tcp any more, by -A INPUT -j REJECT; to let everyone in: ${LETS_IN}`],
    ],
    ['-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n', []],
    ['-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n', []],
    ['-A INPUT -p tcp -m tcp --dport 22 -m comment --comment knocktail-shut -j DROP\n', []],
  ])('says what nobody reaches any more: %j', (rules, said) => {
    const chains = listing(`-P INPUT DROP\n-A INPUT -j KNOCKD\n${rules}`, ['KNOCKD']);
    const { told } = planRemoval(chains, SETTINGS, [SSH]);
    expect(told.filter((text) => text.startsWith('nobody'))).toEqual(said);
  });

  it('takes jumps away from chains that are no hooks, or no longer', () => {
    const chains = listing('-P INPUT DROP\n-A INPUT -j KNOCKD-LOG\n', OURS);
    chains.set('FORWARD', '-P FORWARD ACCEPT\n-A FORWARD -j KNOCKD\n-A FORWARD -j KNOCKD-LOG\n');
    chains.set('MINE', '-N MINE\n-A MINE -j KNOCKD-REST\n-A MINE -j DROP\n');
    expect(done(planRemoval(chains, SETTINGS))).toEqual([
      '-F KNOCKD-CLOSED',
      '-X KNOCKD-CLOSED',
      '-D MINE -j KNOCKD-REST',
      '-F KNOCKD-REST',
      '-X KNOCKD-REST',
      '-D INPUT -j KNOCKD-LOG',
      '-D FORWARD -j KNOCKD-LOG',
      '-F KNOCKD-LOG',
      '-X KNOCKD-LOG',
      '-F KNOCKD-STRAY',
      '-X KNOCKD-STRAY',
      '-F KNOCKD-LINE',
      '-X KNOCKD-LINE',
      '-D FORWARD -j KNOCKD',
      '-X KNOCKD',
    ]);
  });
});
