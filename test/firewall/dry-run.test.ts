import { describe, expect, it } from 'vitest';
import { DryRunFirewall } from '../../src/firewall/dry-run.ts';
import { address, insertOne, opening, removeOne } from '../openings.ts';

function dryRun(manage = true) {
  const said: string[] = [];
  const settings = { chain: 'KNOCKD', hooks: ['INPUT', 'FORWARD'], manage };
  return { said, firewall: new DryRunFirewall(settings, (text) => said.push(text)) };
}

describe('a dry run', () => {
  it('prints what would make the chain and its jumps', async () => {
    const { firewall, said } = dryRun();
    expect(await firewall.ensure()).toEqual({ told: [], rebuilt: false });
    expect(said).toEqual([
      'iptables -w -N KNOCKD',
      'iptables -w -I INPUT 1 -j KNOCKD',
      'iptables -w -I FORWARD 1 -j KNOCKD',
      'ip6tables -w -N KNOCKD',
      'ip6tables -w -I INPUT 1 -j KNOCKD',
      'ip6tables -w -I FORWARD 1 -j KNOCKD',
    ]);
  });

  it('prints nothing of them where they are not managed', async () => {
    const { firewall, said } = dryRun(false);
    await firewall.ensure();
    expect(said).toEqual([]);
  });

  it('prints each rule as it would be set and taken away', async () => {
    const { firewall, said } = dryRun();
    const v6 = opening({ source: address('2001:db8::7'), until: null });
    await insertOne(firewall, opening());
    await insertOne(firewall, v6);
    await removeOne(firewall, v6);
    expect(said).toEqual([
      'iptables -w -I KNOCKD 1 -s 10.0.0.7/32 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=1795212345" -m time --datestop 2026-11-20T22:05:44 -j ACCEPT',
      'ip6tables -w -I KNOCKD 1 -s 2001:db8::7/128 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=never" -j ACCEPT',
      'ip6tables -w -D KNOCKD -s 2001:db8::7/128 -p tcp -m tcp --dport 22 -m comment --comment "knocktail:ssh until=never" -j ACCEPT',
    ]);
  });

  it('remembers what is open, and tells a rule that is not there', async () => {
    const { firewall } = dryRun();
    await insertOne(firewall, opening());
    expect(await firewall.list()).toEqual([opening()]);
    expect(await removeOne(firewall, opening({ until: 1 }))).toBe(false);
    expect(await removeOne(firewall, opening())).toBe(true);
    expect(await removeOne(firewall, opening())).toBe(false);
    expect(await firewall.list()).toEqual([]);
  });
});
