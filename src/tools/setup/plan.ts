/** Plans the operations that add knocktail's rules to a packet filter, or remove them. */

import { allReach, firstDecided, narrowJump, planHook } from '../../firewall/hook.ts';
import { chainFrom, chainsLedTo, policyOf } from '../../firewall/iptables-chains.ts';
import { rulesOf } from '../../firewall/listing.ts';
import type { ChainOperation } from '../../firewall/operation.ts';
import type { Probe } from '../../firewall/packet-match.ts';
import { readRule } from '../../firewall/rule.ts';
import { isTerminal, targetOf } from '../../firewall/target.ts';
import { type Chain, type Chains, walk } from '../../firewall/walk.ts';
import { commandLine } from '../../lib/shell-quote.ts';
import {
  chainNames,
  LOCAL_HOOK,
  type LogChain,
  type LogChains,
  type RestChains,
  type Spec,
} from './chains.ts';
import { decidingChain, noRest, noSocketMatch, restInside, restPlace } from './rest-place.ts';
import { sessionAdvice, sessionCut } from './sessions.ts';
import { isShut } from './shut.ts';

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

/** Packets that have to get to our chains, and those that have to be logged. */
export interface Passing {
  readonly openings: readonly Probe[];
  readonly knocks: readonly Probe[];
}

const NOTHING_NAMED: Passing = { openings: [], knocks: [] };

/** What of the kernel's decides which rules are made. */
export interface Kernel {
  /** Whether it takes a rule that asks who listens (`-m socket`). */
  readonly knowsListeners: boolean;
}

const ORDINARY: Kernel = { knowsListeners: true };

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
export function planRules(
  listing: Listing,
  settings: Settings,
  chains: LogChains | null,
  { openings, knocks } = NOTHING_NAMED,
  { knowsListeners } = ORDINARY,
): Plan {
  const draft = new Draft(listing);
  const { chain, hooks } = settings;
  const names = chainNames(chain);
  const rest = chains?.rest ?? null;
  if (rest === null) {
    draft.unhook(draft.chains, names.closed);
    draft.unhook(hooks, names.rest);
    draft.dropChain(names.stray);
  }
  if (chains === null) {
    draft.unhook(hooks, names.log);
    draft.dropChain(names.line);
    return draft;
  }
  draft.makeChain(chain);
  for (const each of [chains.line, chains.log]) draft.fill(each);
  const isLocal = (hook: string): boolean => hook === LOCAL_HOOK && knowsListeners;
  if (rest !== null) fillRest(draft, rest, hooks.some(isLocal));
  for (const hook of hooks) {
    if (!draft.has(hook)) continue;
    draft.hookOpenings(hook, chain, openings);
    draft.hookLog(hook, chain, names.log, knocks);
    if (rest !== null && hook === LOCAL_HOOK && !knowsListeners) draft.told.push(noSocketMatch(hook));
    if (rest !== null && isLocal(hook)) draft.hookClosed(hook, names);
    else if (rest !== null) draft.hookRest(hook, names.rest);
    draft.tellOfSessions(hook, openings);
  }
  return draft;
}

function fillRest(draft: Draft, { closed, rest, stray }: RestChains, isLocal: boolean): void {
  draft.fill(stray);
  draft.fill(rest);
  if (isLocal) draft.fill(closed);
  else draft.unhook(draft.chains, closed.name);
}

/**
 * Takes away what `planRules` has put there, and jumps from chains that were hooks once or that a person has put one
 * into. Openings go; a chain of openings with rules of others stays.
 *
 * @param openings what knocks open; which of them nobody reaches any more is told
 */
export function planRemoval(
  listing: Listing,
  { chain, hooks: hooked }: Settings,
  openings: readonly Probe[] = [],
): Plan {
  const draft = new Draft(listing);
  const hooks = draft.chains;
  const names = chainNames(chain);
  for (const name of [names.closed, names.rest, names.log]) draft.unhook(hooks, name);
  for (const name of [names.stray, names.line, names.ended]) draft.dropChain(name);
  draft.tellOfDrops(hooks);
  const foreign = draft.rules(chain).filter((spec) => readRule(spec) === null).length;
  if (foreign > 0) draft.told.push(`${chain} stays, as ${foreign} of its rules are not of knocktail`);
  else {
    draft.unhook(hooks, chain);
    draft.empty(chain);
  }
  if (hooked.includes(LOCAL_HOOK) && draft.has(LOCAL_HOOK)) draft.tellOfShutOut(LOCAL_HOOK, openings);
  return draft;
}

/** The rules as they will be once the operations so far are done. */
class Draft implements Plan {
  readonly operations: ChainOperation[] = [];
  readonly told: string[] = [];
  readonly #rules = new Map<string, Spec[]>();
  readonly #policies = new Map<string, Chain['policy']>();

  constructor(listing: Listing) {
    for (const [chain, text] of listing) {
      if (text === null) continue;
      this.#rules.set(chain, [...rulesOf(text, chain)]);
      this.#policies.set(chain, policyOf(chain, text));
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
      this.operations.push({ op: 'insert', chain: name, at: index + 1, spec });
    });
    this.#rules.set(name, [...rules]);
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

  hookOpenings(hook: string, chain: string, openings: readonly Probe[]): void {
    const plan = planHook(this.#chains(), hook, chain, openings);
    if (plan.kind === 'narrow') this.told.push(narrowJump(hook, chain, plan.probe));
    else if (plan.kind !== 'stands')
      this.#jump(hook, chain, plan.at, plan.kind === 'late' ? plan.spec : null);
  }

  /** Where each knock gets to it: directly behind the jump to the openings, unless a rule before that decides one. */
  hookLog(hook: string, chain: string, log: string, knocks: readonly Probe[]): void {
    const rules = this.rules(hook);
    const found = rules.findIndex((spec) => isJump(spec, log));
    const openings = rules.findIndex((spec) => targetOf(spec) === chain);
    const stands =
      knocks.length > 0
        ? allReach(this.#chains(), hook, log, knocks)
        : found >= 0 && !rules.slice(openings + 1, found).some(isTerminal);
    if (stands) return;
    if (found >= 0) this.#delete(hook, ['-j', log]);
    const behind = this.rules(hook).findIndex((spec) => targetOf(spec) === chain) + 1;
    const at = Math.min(behind, firstDecided(this.#chains(), hook, knocks)) + 1;
    this.#insert(hook, at, ['-j', log]);
    this.#tellJump(found < 0 ? 'made' : 'moved', hook, log, at);
  }

  /** Directly behind the jump to the steps, so that no packet can be a step that would not have been a stray. */
  hookClosed(hook: string, { log, closed, rest }: ReturnType<typeof chainNames>): void {
    // One that an older version has made, or a person, would write a second line for each packet.
    for (const from of [hook, ...chainsLedTo(this.#chains(), hook)].filter((name) => name !== closed)) {
      for (const spec of this.rules(from).filter((spec) => isJump(spec, rest))) {
        this.#delete(from, spec);
        this.told.push(`removed the jump from ${from} to ${rest}`);
      }
    }
    const others = this.rules(hook).filter((spec) => !isJump(spec, closed));
    const found = this.rules(hook).findIndex((spec) => isJump(spec, closed));
    const at = others.findIndex((spec) => isJump(spec, log)) + 2;
    if (found !== at - 1) this.#jump(hook, closed, at, found < 0 ? null : ['-j', closed]);
  }

  hookRest(hook: string, rest: string): void {
    const rules = this.rules(hook);
    const others = rules.filter((spec) => !isJump(spec, rest));
    const found = rules.findIndex((spec) => isJump(spec, rest));
    const at = restPlace(others, this.#policies.get(hook) ?? null, this.#chains());
    if (at === null) {
      if (found >= 0) this.#delete(hook, ['-j', rest]);
      const inside = decidingChain(others, this.#chains());
      // Somebody has put the jump there already.
      if (inside !== null && chainsLedTo(this.#chains(), inside).has(rest)) return;
      this.told.push(inside === null ? noRest(hook) : restInside(hook, inside, rest));
    } else if (found !== at - 1) this.#jump(hook, rest, at, found < 0 ? null : ['-j', rest]);
  }

  /** Says what `rules --shut` has dropped and nothing opens any more: how people got in before is not known. */
  tellOfDrops(chains: readonly string[]): void {
    for (const chain of chains)
      for (const spec of this.rules(chain).filter((spec) => isShut(spec) && targetOf(spec) === 'DROP'))
        this.told.push(`${chain} still drops what knocks opened: -D ${commandLine([chain, ...spec])}`);
  }

  /** Says what nobody reaches any more, as `rules --shut` may have deleted the rule that let everyone in. */
  tellOfShutOut(hook: string, openings: readonly Probe[]): void {
    for (const opening of openings) {
      const {
        end: { verdict, rule },
        doubts,
      } = walk(this.#chains(), hook, opening);
      // A drop that `rules --shut` added is reported separately.
      if (verdict !== 'drop' || (rule !== null && isShut(rule.spec))) continue;
      if (doubts.some((doubt) => doubt.verdict === 'accept')) continue;
      const { port, proto } = opening;
      this.told.push(
        `nobody reaches ${port}/${proto} any more, by ${rule?.text ?? `-P ${hook} DROP`}; ` +
          `to let everyone in: -I ${hook} 1 -p ${proto} --dport ${port} -j ACCEPT`,
      );
    }
  }

  /** Says where a hook would cut the connections that its doors have let in. */
  tellOfSessions(hook: string, openings: readonly Probe[]): void {
    const cut = sessionCut(this.#chains(), hook, openings);
    if (cut !== null) this.told.push(sessionAdvice(hook, cut));
  }

  #chains(): Chains {
    return new Map(
      [...this.#rules].map(([name, specs]) => [name, chainFrom(name, specs, this.#policies.get(name))]),
    );
  }

  /** @param old the jump as it stands, to be moved; null where there is none */
  #jump(hook: string, chain: string, at: number, old: Spec | null): void {
    if (old !== null) this.#delete(hook, old);
    this.#insert(hook, at, old ?? ['-j', chain]);
    this.#tellJump(old === null ? 'made' : 'moved', hook, chain, at);
  }

  #tellJump(verb: 'made' | 'moved', hook: string, chain: string, at: number): void {
    this.told.push(`${verb} the jump from ${hook} to ${chain}, now rule ${at}`);
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
