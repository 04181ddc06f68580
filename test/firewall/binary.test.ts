import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBinaries } from '../../src/firewall/binary.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

let folder = '';

function folderWith(...programs: readonly string[]): string {
  folder = scratchFolder();
  for (const program of programs) writeFileSync(join(folder, program), '', { mode: 0o755 });
  return folder;
}

describe('iptables is found', () => {
  it('in PATH before the sbin folders', () => {
    folderWith('iptables', 'ip6tables');
    expect(findBinaries('auto', `/nowhere:${folder}`)).toEqual({
      v4: join(folder, 'iptables'),
      v6: join(folder, 'ip6tables'),
    });
  });

  it('under the name of the backend asked for', () => {
    folderWith('iptables', 'iptables-legacy', 'ip6tables-legacy', 'iptables-nft', 'ip6tables-nft');
    expect(findBinaries('legacy', folder)).toEqual({
      v4: join(folder, 'iptables-legacy'),
      v6: join(folder, 'ip6tables-legacy'),
    });
    expect(findBinaries('nft', folder).v4).toBe(join(folder, 'iptables-nft'));
  });

  it('at a path, with the ip6tables of the same name beside it', () => {
    folderWith('iptables-1.8', 'ip6tables-1.8', 'ip6tables');
    expect(findBinaries(join(folder, 'iptables-1.8'), '').v6).toBe(join(folder, 'ip6tables-1.8'));
  });

  it('at a path alone when nothing fitting lies beside it', () => {
    folderWith('iptables-1.8', 'wrapper', 'ip6tables');
    expect(findBinaries(join(folder, 'iptables-1.8'), folder).v6).toBeNull();
    expect(findBinaries(join(folder, 'wrapper'), folder)).toEqual({ v4: join(folder, 'wrapper'), v6: null });
  });

  it('only where it can be run', () => {
    folderWith();
    writeFileSync(join(folder, 'iptables'), '', { mode: 0o644 });
    expect(() => findBinaries(join(folder, 'iptables'), '')).toThrow(/no such program/);
    expect(() => findBinaries(folder, '')).toThrow(/no such program/);
  });
});
