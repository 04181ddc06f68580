/** What stands in one family's packet filter -> the operations that put our rules there, or take them away. */

import { isTerminal, planHook, targetOf } from '../rule/hook.ts';
import { rulesOf } from '../rule/listing.ts';
import type { ChainOperation } from '../rule/operation.ts';
import { readRule } from '../rule/rule.ts';
import { chainNames, type LogChain, type LogChains, type Spec } from './chains.ts';
import { noRest, restPlace } from './rest-place.ts';

/** What `iptables -S CHAIN` says of each chain of the table, or of those that matter; null of one that is not there. */
export type Listing = ReadonlyMap<string, string | null>;

export interface Settings {
  readonly chain: string;
  readonly hooks: readonly string[];
}

export interface Plan {
  readonly operations: readonly ChainOperation[];
  /** What is done, and what a person should know. */
  readonly told: readonly string[];
}

/** The chains that matter in any case: what is planned for others can do without them. */
export function chainsToList({ chain, hooks }: Settings): readonly string[] {
  return [...new Set([...hooks, chain, ...Object.values(chainNames(chain))])];
}

/**
 * What is missing, and no more: planned again once it is done, nothing is left to do. Hooks that are not there are
 * passed over.
 *
 * @param chains null where this family is not watched
 */
export function planRules(listing: Listing, settings: Settings, chains: LogChains | null): Plan {
  const draft = new Draft(listing);
  const { chain, hooks } = settings;
  const names = chainNames(chain);
  if (chains === null || chains.rest === null) draft.unhook(hooks, names.rest);
  if (chains === null) {
    draft.unhook(hooks, names.log);
    draft.dropChain(names.line);
    return draft;
  }
  draft.makeChain(chain);
  for (const each of [chains.line, chains.log, ...(chains.rest === null ? [] : [chains.rest])])
    draft.fill(each);
  for (const hook of hooks) {
    if (!draft.has(hook)) continue;
    draft.hookOpenings(hook, chain);
    draft.hookLog(hook, chain, names.log);
    if (chains.rest !== null) draft.hookRest(hook, names.rest);
  }
  return draft;
}

/**
 * Takes away what `planRules` has put there, and jumps from chains that were hooks once or that a person has put one
 * into. Openings go; a chain of openings with rules of others stays.
 */
export function planRemoval(listing: Listing, { chain }: Settings): Plan {
  const draft = new Draft(listing);
  const hooks = draft.chains;
  const names = chainNames(chain);
  for (const name of [names.rest, names.log]) draft.unhook(hooks, name);
  draft.dropChain(names.line);
  const foreign = draft.rules(chain).filter((spec) => readRule(spec) === null).length;
  if (foreign > 0) draft.told.push(`${chain} stays, as ${foreign} of its rules are not of knocktail`);
  else {
    draft.unhook(hooks, chain);
    draft.empty(chain);
  }
  return draft;
}

/** The rules as they will be once the operations so far are done. */
class Draft implements Plan {
  readonly operations: ChainOperation[] = [];
  readonly told: string[] = [];
  readonly #rules = new Map<string, Spec[]>();
  readonly #policies = new Map<string, string>();

  constructor(listing: Listing) {
    for (const [chain, text] of listing) {
      if (text === null) continue;
      this.#rules.set(chain, [...rulesOf(text, chain)]);
      this.#policies.set(chain, /^-P \S+ (\S+)$/m.exec(text)?.[1] ?? '-');
    }
  }

  get chains(): readonly string[] {
    return [...this.#rules.keys()];
  }

  has(chain: string): boolean {
    return this.#rules.has(chain);
  }

  rules(chain: string): readonly Spec[] {
    return this.#rules.get(chain) ?? [];
  }

  makeChain(chain: string): void {
    if (this.has(chain)) return;
    this.operations.push({ op: 'new-chain', chain });
    this.#rules.set(chain, []);
    this.told.push(`made the chain ${chain}`);
  }

  fill({ name, rules }: LogChain): void {
    this.makeChain(name);
    if (JSON.stringify(this.rules(name)) === JSON.stringify(rules)) return;
    if (this.rules(name).length > 0) this.#empty(name);
    rules.forEach((spec, index) => {
      this.#insert(name, index + 1, spec);
    });
    this.told.push(`wrote ${name} (${rules.length} ${rules.length === 1 ? 'rule' : 'rules'})`);
  }

  dropChain(chain: string): void {
    if (!this.has(chain)) return;
    const from = this.chains.find((other) => this.rules(other).some((spec) => targetOf(spec) === chain));
    if (from !== undefined) {
      this.told.push(`${chain} stays, as a rule of ${from} jumps to it`);
      return;
    }
    if (this.rules(chain).length > 0) this.#empty(chain);
    this.operations.push({ op: 'drop-chain', chain });
    this.#rules.delete(chain);
    this.told.push(`removed the chain ${chain}`);
  }

  /** Where it is still there, as a rule of somebody else's leads to it. */
  empty(chain: string): void {
    if (this.rules(chain).length > 0) this.#empty(chain);
  }

  /** Takes the jumps to a chain away, and the chain. */
  unhook(hooks: readonly string[], chain: string): void {
    for (const hook of hooks) {
      for (const spec of this.rules(hook).filter((spec) => isJump(spec, chain))) {
        this.#delete(hook, spec);
        this.told.push(`removed the jump from ${hook} to ${chain}`);
      }
    }
    this.dropChain(chain);
  }

  hookOpenings(hook: string, chain: string): void {
    const plan = planHook(this.rules(hook), chain);
    if (plan.kind !== 'stands') this.#jump(hook, chain, plan.at, plan.kind === 'late' ? plan.spec : null);
  }

  /** Directly behind the jump to the openings, or with only such rules between that let a packet go on. */
  hookLog(hook: string, chain: string, log: string): void {
    const rules = this.rules(hook);
    const openings = rules.findIndex((spec) => targetOf(spec) === chain);
    const found = rules.findIndex((spec) => isJump(spec, log));
    const stands = found >= 0 && !rules.slice(openings + 1, found).some(isTerminal);
    if (!stands) this.#jump(hook, log, openings + 2, found < 0 ? null : ['-j', log]);
  }

  hookRest(hook: string, rest: string): void {
    const rules = this.rules(hook);
    const others = rules.filter((spec) => !isJump(spec, rest));
    const at = restPlace(others, this.#policies.get(hook) ?? '-');
    const found = rules.findIndex((spec) => isJump(spec, rest));
    if (at === null) {
      this.told.push(noRest(hook));
      if (found >= 0) this.#delete(hook, ['-j', rest]);
    } else if (found !== at - 1) this.#jump(hook, rest, at, found < 0 ? null : ['-j', rest]);
  }

  /** @param old the jump as it stands, to be moved; null where there is none */
  #jump(hook: string, chain: string, at: number, old: Spec | null): void {
    if (old !== null) this.#delete(hook, old);
    this.#insert(hook, at, old ?? ['-j', chain]);
    this.told.push(`${old === null ? 'made' : 'moved'} the jump from ${hook} to ${chain}, now rule ${at}`);
  }

  #insert(chain: string, at: number, spec: Spec): void {
    this.operations.push({ op: 'insert', chain, at, spec });
    this.#rules.set(chain, this.rules(chain).toSpliced(at - 1, 0, spec));
  }

  #delete(chain: string, spec: Spec): void {
    this.operations.push({ op: 'delete', chain, spec });
    const at = this.rules(chain).findIndex((other) => JSON.stringify(other) === JSON.stringify(spec));
    this.#rules.set(chain, this.rules(chain).toSpliced(at, 1));
  }

  #empty(chain: string): void {
    this.operations.push({ op: 'empty-chain', chain });
    this.#rules.set(chain, []);
  }
}

/** Conditions and all others are of whoever has written them. */
function isJump(spec: Spec, chain: string): boolean {
  return spec.length === 2 && spec[0] === '-j' && spec[1] === chain;
}
