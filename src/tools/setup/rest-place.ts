/** Finds the place in a hook for the rule that logs packets about to be dropped. */

import { GOES_ON, targetOf } from '../../firewall/target.ts';
import type { Chain, Chains } from '../../firewall/walk.ts';
import { orders } from '../../sweep-limits.ts';
import { closingOf } from './closing-chain.ts';

type Spec = readonly string[];

const DROPS: ReadonlySet<string> = new Set(['DROP', 'REJECT']);
const ENDS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'QUEUE', 'NFQUEUE']);

/**
 * The rule number behind the last rule that may let a packet in; null where nothing is dropped that no rule has
 * been made for, so that nobody would know what to log.
 *
 * @param policy the verdict on a packet that no rule takes; null in a user-defined chain
 * @param chains those that the rules may lead to, as far as they are known
 */
export function restPlace(
  rules: readonly Spec[],
  policy: Chain['policy'],
  chains: Chains = new Map(),
): number | null {
  const drops = (target: string): boolean => DROPS.has(target) || closingOf(chains, target) === 'drops';
  const end = rules.findIndex((spec) => {
    const target = targetOf(spec) ?? '';
    return isFor(spec, 0) && (ENDS.has(target) || drops(target));
  });
  const reached = end < 0 ? rules : rules.slice(0, end + 1);
  if (decidingChain(reached, chains) !== null) return null;
  const isDropping =
    (end < 0 && policy === 'drop') || reached.some((spec) => isWide(spec) && drops(targetOf(spec) ?? ''));
  if (!isDropping) return null;
  return reached.findLastIndex((spec) => mayLetIn(spec, drops)) + 2;
}

/** The chain that lets some packets in and drops all others, so that none comes back from it; null where there is none. */
export function decidingChain(rules: readonly Spec[], chains: Chains): string | null {
  const targets = rules.filter(isWide).map((spec) => targetOf(spec) ?? '');
  return targets.find((target) => closingOf(chains, target) === 'decides') ?? null;
}

/** What is said of a hook whose packets are decided in a chain of the user's. */
export function restInside(hook: string, inside: string, rest: string): string {
  return `${hook} leaves all packets to ${inside}, which drops what it does not accept: put a jump to ${rest} there, before the rule that drops, so that port sweeps are seen`;
}

/** What is said of a hook that has no such place. */
export function noRest(hook: string): string {
  return `${hook} lets other ports through, so no port sweep there is seen: ${UNSEEN}; run this again once it drops them`;
}

/** What is said of a kernel that does not tell closed ports from others. */
export function noSocketMatch(hook: string): string {
  return `this kernel has no socket match (xt_socket), so of what comes to ${hook} only what it drops at its end is known to be for no program`;
}

/** What that means. */
const UNSEEN = `one in ${orders(4)} scans of all ports in random order opens a door of four steps`;

/** Whether it takes all packets, at least of one protocol, but for the loopback's. */
function isWide(spec: Spec): boolean {
  return isFor(spec, 0) || (spec[0] === '-p' && isFor(spec, 2)) || /^! -i lo -[jg] /.test(spec.join(' '));
}

function mayLetIn(spec: Spec, drops: (target: string) => boolean): boolean {
  const target = targetOf(spec);
  return target !== null && !drops(target) && !GOES_ON.has(target);
}

/** Whether no more than so many words stand before the target. */
function isFor(spec: Spec, words: number): boolean {
  return spec[words] === '-j' || spec[words] === '-g';
}
