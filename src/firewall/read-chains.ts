/** Asks iptables for the chains that a packet can come to. */

import { type Answer, expectDone, type Iptables } from './iptables.ts';
import { chainOf } from './iptables-chains.ts';
import { byChain } from './listing.ts';
import type { Operation } from './operation.ts';
import type { Chain, Chains } from './walk.ts';

type Look = Extract<Operation, { readonly op: 'list' | 'list-all' }>;
export type Ask = (operation: Look) => Promise<Answer>;

/** Of several hooks, and of what their rules lead to. A chain that is not there is left out. */
export interface Wanted {
  readonly hooks: readonly string[];
  /** What stands behind the jump to this chain, and in it, does not matter; null where all does. */
  readonly until: string | null;
}

/** @throws KnocktailError when iptables refuses to list a hook for another reason than that there is no such chain */
export async function readChains(ask: Ask, { hooks, until }: Wanted): Promise<Chains> {
  const chains = new Map<string, Chain>();
  const asked = new Set<string>(until === null ? [] : [until]);
  const due = [...hooks];
  for (let name = due.shift(); name !== undefined; name = due.shift()) {
    if (asked.has(name)) continue;
    asked.add(name);
    const answer = await ask({ op: 'list', chain: name });
    // A target that is no chain is not listed, either.
    if (!answer.done && (answer.refusal === 'missing' || !hooks.includes(name))) continue;
    const chain = chainOf(name, expectDone(answer));
    chains.set(name, chain);
    due.push(...targets(chain, hooks.includes(name) ? until : null));
  }
  return chains;
}

/**
 * Every chain of the table. Where a single one is of nft's own making iptables lists none of them, so then those of the
 * hooks are asked for one by one.
 *
 * @throws KnocktailError as `readChains` does
 */
export async function readTable(iptables: Iptables, hooks: readonly string[]): Promise<Chains> {
  const whole = await iptables.run({ op: 'list-all' });
  if (!whole.done) return readChains((operation) => iptables.run(operation), { hooks, until: null });
  return new Map([...byChain(whole.text)].map(([name, text]) => [name, chainOf(name, text)]));
}

/** In a hook, those before the jump: most hooks are read with one question. */
function targets({ rules }: Chain, until: string | null): string[] {
  const found = rules.flatMap(({ action }) =>
    action?.kind === 'jump' || action?.kind === 'goto' ? [action.to] : [],
  );
  const end = until === null ? -1 : found.indexOf(until);
  return end < 0 ? found : found.slice(0, end);
}
