import { describe, expect, it } from 'vitest';
import { pickBackend } from '../../src/firewall/backend.ts';

describe('of nft and legacy', () => {
  it.each([
    ['nft', { nft: 0, legacy: 'absent' }, 'nft'],
    ['nft', { nft: 3, legacy: 0 }, 'nft'],
    ['legacy', { nft: 0, legacy: 0 }, 'legacy'],
    ['legacy', { nft: 'absent', legacy: 2 }, 'legacy'],
  ] as const)('the usual one, %s, is taken with %o', (usual, held, backend) => {
    expect(pickBackend(usual, held)).toEqual({ backend, told: [] });
  });

  it('the other is taken where it alone has rules, which is told', () => {
    const other = pickBackend('nft', { nft: 0, legacy: 3 });
    expect(other.backend).toBe('legacy');
    expect(other.told[0]).toContain('are in iptables-legacy');
    expect(pickBackend('legacy', { nft: 1, legacy: 'absent' }).backend).toBe('nft');
  });

  it('the usual one is taken with a warning where both have rules', () => {
    const both = pickBackend('nft', { nft: 1, legacy: 3 });
    expect(both.backend).toBe('nft');
    expect(both.told[0]).toContain('a packet has to pass both');
  });

  it('one that may not be read counts as one without rules, with a warning where no other has any', () => {
    expect(pickBackend('nft', { nft: 1, legacy: 'unreadable' })).toEqual({ backend: 'nft', told: [] });
    const { backend, told } = pickBackend('nft', { nft: 0, legacy: 'unreadable' });
    expect(backend).toBe('nft');
    expect(told[0]).toContain('CAP_NET_RAW');
  });
});
