import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decidingChain, restPlace } from '../../../src/tools/setup/rest-place.ts';
import { chains, chainsIn } from '../../firewall/chains.ts';

const POLICIES = { DROP: 'drop', ACCEPT: 'accept', '-': null } as const;

const place = (policy: keyof typeof POLICIES, ...rules: readonly string[]) =>
  restPlace(
    rules.map((rule) => rule.split(' ')),
    POLICIES[policy],
  );

it.each([
  ['behind the last rule that accepts', 3, 'DROP', ['-i lo -j ACCEPT', '-p tcp --dport 80 -j ACCEPT']],
  ['ahead of the rule that drops all', 2, 'ACCEPT', ['-i lo -j ACCEPT', '-j DROP']],
  [
    'ahead of a rule that rejects a protocol',
    2,
    'ACCEPT',
    ['-i lo -j ACCEPT', '-p tcp -j REJECT --reject-with x'],
  ],
  [
    'behind a chain of the user, which may accept',
    3,
    'DROP',
    ['-s 192.0.2.1 -j DROP', '-j ufw-user', '-j LOG'],
  ],
  [
    'not behind rules that are never reached',
    2,
    'ACCEPT',
    ['-i lo -j ACCEPT', '-j DROP', '-i eth0 -j ACCEPT'],
  ],
  ['first where there is nothing else', 1, 'DROP', []],
] as const)('what is about to be dropped comes by %s', (_, expected, policy, rules) => {
  expect(place(policy, ...rules)).toBe(expected);
});

it.each([
  ['the policy accepts', 'ACCEPT', ['-s 192.0.2.1 -j DROP']],
  ['a rule accepts all ahead of the policy', 'DROP', ['-j ACCEPT']],
  ['the chain is a user chain that returns', '-', ['-j RETURN']],
] as const)('nothing is about to be dropped where %s', (_, policy, rules) => {
  expect(place(policy, ...rules)).toBeNull();
});

/** The rules of INPUT, and the place for KNOCKD-REST among them. */
function inChains(table: ReturnType<typeof chains>, policy: 'drop' | 'accept') {
  const rules = (table.get('INPUT')?.rules ?? []).map(({ spec }) => spec);
  return { place: restPlace(rules, policy, table), decides: decidingChain(rules, table) };
}

it('what a chain of the user drops comes by ahead of the jump to it, where that lets nothing in', () => {
  const dropping = { LOGDROPIN: ['-m limit --limit 30/min -j LOG', '-j DROP'] };
  const input = ['-i lo -j ACCEPT', '-p tcp -m tcp --dport 80 -j ACCEPT', '! -i lo -j LOGDROPIN'];
  expect(inChains(chains({ INPUT: input, ...dropping }), 'drop')).toEqual({ place: 3, decides: null });
  const own = {
    MINE: ['-i lo -j ACCEPT', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-j REJECT'],
  };
  expect(inChains(chains({ INPUT: ['-j MINE'], ...own }), 'accept')).toEqual({ place: 1, decides: null });
  expect(
    inChains(chains({ INPUT: ['-g MINE'], MINE: ['-p tcp -j DROP', '-p udp -j DROP'] }), 'accept').place,
  ).toBe(1);
  expect(inChains(chainsIn(readFileSync('fixtures/firewalls/csf.v4', 'utf8')), 'drop').place).toBe(7);
});

it('what a chain decides that lets some in does not come by in the hook, whatever its policy', () => {
  for (const policy of ['drop', 'accept'] as const) {
    const own = { MINE: ['-i lo -j ACCEPT', '-p tcp -m tcp --dport 22 -j ACCEPT', '-j REJECT'] };
    expect(inChains(chains({ INPUT: ['-j MINE'], ...own }), policy)).toEqual({
      place: null,
      decides: 'MINE',
    });
  }
  expect(inChains(chainsIn(readFileSync('fixtures/firewalls/redhat.v4', 'utf8')), 'accept').decides).toBe(
    'RH-Firewall-1-INPUT',
  );
});

it('a chain that some packets come back from decides nothing for the others', () => {
  const ufw = {
    INPUT: ['-j ufw-user'],
    'ufw-user': ['-p tcp -m tcp --dport 22 -j ACCEPT', '-s 192.0.2.1/32 -j DROP'],
  };
  expect(inChains(chains(ufw), 'drop')).toEqual({ place: 2, decides: null });
  expect(inChains(chains(ufw), 'accept')).toEqual({ place: null, decides: null });
});
