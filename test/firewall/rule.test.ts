import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../../src/firewall/listing.ts';
import { readRule, ruleSpec } from '../../src/firewall/rule.ts';
import { commandLine } from '../../src/lib/shell-quote.ts';
import { address, anyOpening, opening } from '../openings.ts';

/** What iptables 1.8.9 printed, nft and legacy alike. */
const LISTED =
  '-A KNOCKD -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=1795212345" ' +
  '-m time --datestop 2026-11-20T22:05:44 -j ACCEPT';

describe('the rule of an opening', () => {
  it('is for one source, names door and end, and stops matching in the second before the end', () => {
    expect(`-A KNOCKD ${commandLine(ruleSpec(opening()))}`).toBe(LISTED);
  });

  it('is for one IPv6 source', () => {
    expect(ruleSpec(opening({ source: address('2001:db8::7') })).slice(0, 2)).toEqual([
      '-s',
      '2001:db8::7/128',
    ]);
  });

  it('has no time match where there is no end, or no xt_time', () => {
    expect(ruleSpec(opening({ until: null }))).toContain('knocktail:ssh until=never');
    expect(ruleSpec(opening({ until: null }))).not.toContain('time');
    expect(ruleSpec(opening(), false)).not.toContain('time');
  });

  it('has no time match beyond the last date that iptables takes', () => {
    expect(ruleSpec(opening({ until: 2 ** 31 }))).toContain('2038-01-19T03:14:07');
    expect(ruleSpec(opening({ until: 2 ** 31 + 1 }))).not.toContain('time');
  });
});

describe('a listed rule', () => {
  it('is read back as the opening it was made of', () => {
    expect(rulesOf(LISTED, 'KNOCKD').map(readRule)).toEqual([opening()]);
  });

  it('is read back whatever the opening, with the kernel ending it or not', () => {
    fc.assert(
      fc.property(anyOpening, fc.boolean(), (any, kernelEnds) => {
        const listed = `-N KNOCKD\n-A KNOCKD ${commandLine(ruleSpec(any, kernelEnds))}\n`;
        expect(rulesOf(listed, 'KNOCKD').map(readRule)).toEqual([any]);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['has another target', LISTED.replace('ACCEPT', 'DROP')],
    ['has no comment', '-A KNOCKD -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -j ACCEPT'],
    ['has a comment of another kind', LISTED.replace('knocktail:', 'fail2ban:')],
    ['ends at another second than its comment says', LISTED.replace('22:05:44', '22:05:45')],
    ['is for a network', LISTED.replace('/32', '/24')],
    ['is for all but the source', LISTED.replace('-s', '! -s')],
    ['has a condition more', LISTED.replace('-m time', '-m conntrack --ctstate NEW -m time')],
    ['is for another protocol', LISTED.replaceAll('tcp', 'sctp')],
    ['is for several ports', LISTED.replace('--dport 22', '--dport 22:80')],
    ['has a door name that no door can have', LISTED.replace('knocktail:ssh', 'knocktail:-x')],
  ])('is someone else’s when it %s', (_, line) => {
    expect(rulesOf(line, 'KNOCKD').map(readRule)).toEqual([null]);
  });
});

describe('a listing', () => {
  it('gives the words of one chain’s rules, quotes and backslashes undone', () => {
    const text = [
      '-P INPUT ACCEPT',
      '-N KNOCKD',
      '-A INPUT -j KNOCKD',
      String.raw`-A KNOCKD -m comment --comment "a \"quoted\" \\ thing\' x" -j LOG --log-prefix "KN -j ACCEPT "`,
      '-A KNOCKD -m comment --comment "" -j RETURN',
      '-A KNOCKD2 -j DROP',
      '',
    ].join('\n');
    expect(rulesOf(text, 'KNOCKD')).toEqual([
      ['-m', 'comment', '--comment', `a "quoted" \\ thing' x`, '-j', 'LOG', '--log-prefix', 'KN -j ACCEPT '],
      ['-m', 'comment', '--comment', '', '-j', 'RETURN'],
    ]);
  });

  it('that is any text at all is no failure', () => {
    fc.assert(fc.property(fc.string(), (text) => rulesOf(text, 'KNOCKD').map(readRule).length >= 0));
  });
});
