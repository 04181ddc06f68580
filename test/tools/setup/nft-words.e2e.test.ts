import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { isNftName, NFT_WORDS } from '../../../src/tools/setup/nft-words.ts';
import { describeWith } from '../../lab/describe.ts';

/** Whether nft reads a table of this name. Nothing is changed, and nothing but the text is looked at. */
function takes(name: string): boolean {
  try {
    execFileSync('nft', ['-c', '-f', '-'], {
      input: `table ip ${name} { }\n`,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return true;
  } catch {
    return false;
  }
}

describeWith(['root', 'nftables'], 'names of tables for nft', () => {
  it('are refused where this nft refuses them', () => {
    // Came with a later nft than that of Debian 12.
    const words = [...NFT_WORDS].filter((word) => word !== 'destroy');
    expect(words.filter(takes)).toEqual([]);
  });

  it.each(['KNOCKD', 'knocktail', 'a-b', 'a.b', 'a/b', 'a_b', 'Accept', 'tables'])('may be %s', (name) => {
    expect([isNftName(name), takes(name)]).toEqual([true, true]);
  });

  it.each(['1abc', '-a', 'a b', 'a"b', 'drop', ''])('may not be "%s"', (name) => {
    expect([isNftName(name), takes(name)]).toEqual([false, false]);
  });
});
