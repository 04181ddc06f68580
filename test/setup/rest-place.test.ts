import { expect, it } from 'vitest';
import { restPlace } from '../../src/setup/rest-place.ts';

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
