/** Decides where the jump from a hook (INPUT, FORWARD, ...) to our chain stands or has to go. */

import { chainsLedTo } from './iptables-chains.ts';
import type { Probe } from './packet-match.ts';
import { isTerminal, targetOf } from './target.ts';
import { type Chains, type WayEnd, walk } from './walk.ts';

type Spec = readonly string[];

/** Places are rule numbers as `iptables -I CHAIN NUMBER` counts them, from 1. */
export type HookPlan =
  | { readonly kind: 'stands' }
  | { readonly kind: 'missing'; readonly at: number }
  /** Packets of an opening do not get to it. `spec` is the jump as it is, conditions and all. */
  | {
      readonly kind: 'late';
      readonly at: number;
      readonly spec: Spec;
      /** The rule of the hook that keeps them out. */
      readonly behind: Spec;
      /** The rule that decides them, there or in a chain that it leads to. */
      readonly blocker: string;
    }
  /** Its own conditions leave these packets out. */
  | { readonly kind: 'narrow'; readonly probe: Probe };

/** The packet of an opening of which nothing is known: only a rule that takes any TCP packet is in its way. */
export const ANY_OPENING: Probe = {
  family: 4,
  proto: 'tcp',
  port: null,
  flags: 2,
  length: null,
  from: null,
  to: null,
  interface: null,
};

/**
 * A rule that accepts is not in the way, wherever the jump stands: what it lets in needs no opening. A new jump goes before
 * the first rule that may decide a packet, behind the LOG rules before it.
 *
 * @param chains the hook, and the chains that its rules lead to, as far as they are known
 * @param openings the packets that openings are for
 */
export function planHook(
  chains: Chains,
  hook: string,
  chain: string,
  openings: readonly Probe[] = [],
): HookPlan {
  const specs = (chains.get(hook)?.rules ?? []).map(({ spec }) => spec);
  const jump = specs.find((spec) => targetOf(spec) === chain);
  const terminal = specs.findIndex(isTerminal);
  const isLedTo = chainsLedTo(chains, hook).has(chain);
  if (!isLedTo) return { kind: 'missing', at: (terminal < 0 ? specs.length : terminal) + 1 };
  const probes = openings.length === 0 ? [ANY_OPENING] : openings;
  const ways = probes.map((probe) => ({ probe, end: walk(chains, hook, probe, chain).end }));
  const [blocked] = ways.filter(({ end }) => isInTheWay(end)).sort((a, b) => placeOf(a.end) - placeOf(b.end));
  if (blocked !== undefined) {
    const at = placeOf(blocked.end);
    if (jump === undefined) return { kind: 'missing', at: at + 1 };
    const blocker = blocked.end.rule?.text ?? '';
    return { kind: 'late', at: at + 1, spec: jump, behind: specs[at] ?? [], blocker };
  }
  const left = ways.find(({ end }) => end.by === 'policy' && end.verdict !== 'accept');
  return left === undefined ? { kind: 'stands' } : { kind: 'narrow', probe: left.probe };
}

/** Whether the packets of an opening are kept from its rule. */
export function isInTheWay({ verdict, by }: WayEnd): boolean {
  return by === 'return' || (by === 'rule' && (verdict === 'drop' || verdict === 'queue'));
}

/** Whether each of these packets gets from the hook to the chain. */
export function allReach(chains: Chains, hook: string, chain: string, packets: readonly Probe[]): boolean {
  return packets.every((packet) => walk(chains, hook, packet, chain).end.verdict === 'reached');
}

/** The index of the first rule of a hook that decides one of these packets; infinite where none does. */
export function firstDecided(chains: Chains, hook: string, packets: readonly Probe[]): number {
  return packets.reduce(
    (first, packet) => Math.min(first, placeOf(walk(chains, hook, packet).end)),
    Number.POSITIVE_INFINITY,
  );
}

function placeOf({ at }: WayEnd): number {
  return at ?? Number.POSITIVE_INFINITY;
}

/** What is said of a jump that these packets do not get to. */
export function lateJump(hook: string, chain: string, blocker: string): string {
  return `the jump from ${hook} to ${chain} comes too late: ${blocker} is before it`;
}

export function narrowJump(hook: string, chain: string, { port, proto }: Probe): string {
  return `${hook} jumps to ${chain} only for some packets, and not for ${port === null ? proto : `${port}/${proto}`}`;
}
