/** Puts the tables that a packet has to pass in their order, those of nft and that of iptables, and walks it through them. */

import type { Family } from '../model.ts';
import type { BaseChain } from './nft-ruleset.ts';
import type { Probe } from './packet-match.ts';
import { type Chains, type Decider, type WayEnd, type Written, walk } from './walk.ts';

/** One chain by which packets come, and those that it leads to. */
export interface Stage {
  readonly chains: Chains;
  readonly entry: string;
  /** Whether it is the hook of iptables. */
  readonly isIptables: boolean;
}

export interface Passage {
  readonly logs: readonly Written[];
  readonly doubts: readonly Decider[];
  /** The stage that drops the packet or hands it to another program; else the last, in which it comes through. */
  readonly end: WayEnd;
  /** How the hook of iptables decides it; null where it does not get there. */
  readonly iptables: WayEnd | null;
}

/** The rules of one family, as far as they may be read. */
export interface PacketFilter {
  readonly family: Family;
  /** The table `filter` of iptables; null where iptables cannot read it. */
  readonly iptables: Chains | null;
  /** What nft has; null where it may not be asked. */
  readonly nft: readonly BaseChain[] | null;
}

const PASSED: WayEnd = { verdict: 'open', by: 'policy', rule: null, at: null };
/** What iptables calls its hooks, and through which of the kernel's a packet comes before it is there. */
const KERNEL_HOOKS: Readonly<Record<string, readonly string[]>> = {
  INPUT: ['prerouting', 'input'],
  FORWARD: ['prerouting', 'forward'],
};
/** That of the table `filter` (NF_IP_PRI_FILTER). */
const FILTER_PRIORITY = 0;

/** @param hook a chain of iptables; packets that come by one of the user's come by FORWARD, unless INPUT leads to it */
export function stagesOf({ family, iptables, nft }: PacketFilter, hook: string): readonly Stage[] {
  const hooks = KERNEL_HOOKS[hook] ?? KERNEL_HOOKS['FORWARD'] ?? [];
  const last = hooks.length - 1;
  const found = (nft ?? [])
    .filter((base) => base.families.includes(family) && hooks.includes(base.hook))
    .filter((base) => !isReadByIptables(base, iptables))
    .map((base) => ({
      stage: { chains: base.chains, entry: base.entry, isIptables: false },
      order: [hooks.indexOf(base.hook), base.priority] as const,
    }));
  const own =
    iptables === null
      ? []
      : [
          {
            stage: { chains: iptables, entry: hook, isIptables: true },
            order: [last, FILTER_PRIORITY] as const,
          },
        ];
  return [...own, ...found]
    .sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1])
    .map(({ stage }) => stage);
}

/** @param until the chain of iptables at which the walk through its hook ends */
export function passThrough(stages: readonly Stage[], probe: Probe, until: string | null = null): Passage {
  const logs: Written[] = [];
  const doubts: Decider[] = [];
  let iptables: WayEnd | null = null;
  let end = PASSED;
  for (const { chains, entry, isIptables } of stages) {
    const way = walk(chains, entry, probe, isIptables ? until : null);
    logs.push(...way.logs);
    doubts.push(...way.doubts);
    end = way.end;
    if (isIptables) iptables = end;
    if (end.verdict === 'drop' || end.verdict === 'queue') break;
  }
  return { logs, doubts, end, iptables };
}

/** Beside iptables-legacy this leaves out the table of iptables-nft, too: that both are in use is a warning by itself. */
function isReadByIptables({ table, isOfIptables }: BaseChain, iptables: Chains | null): boolean {
  return iptables !== null && isOfIptables && /^ip6? filter$/.test(table);
}
