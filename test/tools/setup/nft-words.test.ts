import { expect, it } from 'vitest';
import { nftText } from '../../../src/tools/setup/nft.ts';
import { isNftName, NFT_WORDS } from '../../../src/tools/setup/nft-words.ts';

const rules = (chain: string) =>
  nftText([], { chain, logs: [{ prefix: 'KNOCK ', format: 'kernel' }], sweepGuard: 8 }, ['INPUT']);

it('a table is called by no word of nft, and by nothing that begins with a digit', () => {
  for (const name of [...NFT_WORDS, '1', '9KNOCKD', '10.0'])
    expect(() => rules(name), name).toThrow(
      `nftables can have no table of this name (${name}), give firewall.chain`,
    );
});

it('a table may be called by all other names of chains', () => {
  for (const name of ['KNOCKD', 'LIMIT', 'limits', 'input', 'a-b', 'A.b_c', 'x1']) {
    expect(isNftName(name), name).toBe(true);
    expect(rules(name)).toContain(`table inet ${name} {`);
  }
});
