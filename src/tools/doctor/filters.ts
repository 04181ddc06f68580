/** Reads the packet filter of both families, from iptables and from nft. */

import { KnocktailError } from '../../errors.ts';
import { Iptables } from '../../firewall/iptables.ts';
import { readNft } from '../../firewall/nft.ts';
import type { BaseChain } from '../../firewall/nft-ruleset.ts';
import { readTable } from '../../firewall/read-chains.ts';
import type { PacketFilter } from '../../firewall/stages.ts';
import type { Family } from '../../model.ts';

export interface Programs {
  readonly v4: string;
  readonly v6: string | null;
}

export interface FamilyFilter {
  readonly filter: PacketFilter;
  /** The iptables of this family; null where there is none. */
  readonly iptables: Iptables | null;
  /** Why iptables could not read it; null where it could. */
  readonly trouble: KnocktailError | null;
}

/**
 * What stands in front of packets of one family.
 *
 * @param nft what nft has, where that was asked already
 */
export async function readFilter(
  family: Family,
  { v4, v6 }: Programs,
  hooks: readonly string[],
  nft: readonly BaseChain[] | null,
): Promise<FamilyFilter> {
  const program = family === 4 ? v4 : v6;
  if (program === null) return { filter: { family, iptables: null, nft }, iptables: null, trouble: null };
  const iptables = new Iptables(program);
  try {
    return { filter: { family, iptables: await readTable(iptables, hooks), nft }, iptables, trouble: null };
  } catch (error) {
    if (!(error instanceof KnocktailError)) throw error;
    return { filter: { family, iptables: null, nft }, iptables, trouble: error };
  }
}

/** The rules of nftables; null where they may not be read. */
export function readNftHere(): Promise<readonly BaseChain[] | null> {
  return readNft(process.env['PATH'] ?? '');
}
