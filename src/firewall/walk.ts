/** Walks a packet through the chains of a packet filter: which rules log it, which one decides it. */

import type { Probe, RuleMatch } from './packet-match.ts';
import { RuleIndex } from './rule-index.ts';

/** What a rule does with a packet that it matches. */
export type Action =
  | { readonly kind: 'log'; readonly prefix: string; readonly format: 'kernel' | 'ulogd' }
  | { readonly kind: 'accept' | 'drop' }
  /** Another program decides. */
  | { readonly kind: 'queue' }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly to: string };

export interface Rule {
  /** As a person knows it: `-A INPUT -p tcp -j DROP`. */
  readonly text: string;
  /** Its words for iptables, without `-A CHAIN`; none where it is no rule of iptables. */
  readonly spec: readonly string[];
  readonly matches: (probe: Probe) => RuleMatch;
  /** Null where the packet goes on to the next rule. */
  readonly action: Action | null;
}

export interface Chain {
  /** The verdict on a packet that no rule decides; null in a chain that others jump to. */
  readonly policy: 'accept' | 'drop' | null;
  readonly rules: readonly Rule[];
}

export type Chains = ReadonlyMap<string, Chain>;

/** A line that a rule writes. */
export interface Written {
  readonly prefix: string;
  readonly format: 'kernel' | 'ulogd';
  /** Behind a limit that all sources share. */
  readonly isThrottled: boolean;
}

export interface Way {
  readonly logs: readonly Written[];
  readonly end: WayEnd;
  /** Rules before the end that decide some such packets, since their match depends on what is not known of this one. */
  readonly doubts: readonly Decider[];
}

export interface Decider {
  readonly verdict: 'accept' | 'drop' | 'queue';
  readonly rule: Rule;
}

/** `reached`: the packet came to the chain that was looked for. `open`: it leaves a chain that is not the kernel's own. */
export interface WayEnd {
  readonly verdict: Decider['verdict'] | 'reached' | 'open';
  readonly by: 'rule' | 'return' | 'policy';
  /** The rule that decides; null for a policy. */
  readonly rule: Rule | null;
  /** The index of the rule in the chain walked that leads there; null for a policy. */
  readonly at: number | null;
}

/** The kernel takes no loops; a listing that was changed between two looks may have one. */
const DEEPEST = 32;

/** A rule with one of these takes packets only up to a limit. */
const LIMITS: ReadonlySet<string> = new Set(['--limit', '--hashlimit-upto', '--connlimit-upto']);

/** What a chain does with a packet; null where it comes to its end. */
type ChainEnd = Pick<WayEnd, 'verdict' | 'rule'> | { readonly verdict: 'return'; readonly rule: Rule } | null;

/**
 * Follows a packet from the first rule of a chain. A rule of which it is not known whether it takes the packet is taken to
 * log it, to lead it to the chain looked for, and otherwise to let it go on.
 *
 * @param until the chain at which the walk ends
 */
export function walk(chains: Chains, hook: string, probe: Probe, until: string | null = null): Way {
  const walker = new Walker(chains, probe, until);
  const chain = chains.get(hook) ?? { policy: null, rules: [] };
  const { end, at } = walker.chain(chain, 0, { isSure: true, isThrottled: false, isLimited: false });
  const policyVerdict = chain.policy ?? 'open';
  const { logs, doubts } = walker;
  if (end === null)
    return { logs, doubts, end: { verdict: policyVerdict, by: 'policy', rule: null, at: null } };
  if (end.verdict === 'return')
    return { logs, doubts, end: { verdict: policyVerdict, by: 'return', rule: end.rule, at } };
  return { logs, doubts, end: { verdict: end.verdict, by: 'rule', rule: end.rule, at } };
}

interface Entry {
  /** Whether the packet comes here for certain. */
  readonly isSure: boolean;
  readonly isThrottled: boolean;
  /** Whether packets beyond some limit do not come here. */
  readonly isLimited: boolean;
}

const indices = new WeakMap<readonly Rule[], RuleIndex>();

/** Made once for a chain, however many packets walk through it. */
function indexOf(rules: readonly Rule[]): RuleIndex {
  const known = indices.get(rules);
  if (known !== undefined) return known;
  const index = new RuleIndex(rules.map(({ spec }) => spec));
  indices.set(rules, index);
  return index;
}

class Walker {
  readonly logs: Written[] = [];
  readonly doubts: Decider[] = [];
  readonly #chains: Chains;
  readonly #probe: Probe;
  readonly #until: string | null;

  constructor(chains: Chains, probe: Probe, until: string | null) {
    this.#chains = chains;
    this.#probe = probe;
    this.#until = until;
  }

  chain({ rules }: Chain, depth: number, entry: Entry): { readonly end: ChainEnd; readonly at: number } {
    let { isSure } = entry;
    for (const at of depth > DEEPEST ? [] : indexOf(rules).placesFor(this.#probe)) {
      const rule = rules[at];
      if (rule === undefined) continue;
      const { takes, isThrottled } = rule.matches(this.#probe);
      const { action } = rule;
      if (takes === 'no' || action === null) continue;
      const isCertain = isSure && takes === 'yes';
      const isLimited = entry.isLimited || isThrottled || rule.spec.some((word) => LIMITS.has(word));
      const way = { isSure: isCertain, isThrottled: entry.isThrottled || isThrottled, isLimited };
      switch (action.kind) {
        case 'log':
          this.logs.push({ ...action, isThrottled: way.isThrottled });
          break;
        case 'accept':
        case 'drop':
        case 'queue':
          // Beyond its limit a rule drops nothing, and the packet goes on.
          if (isCertain && !(action.kind === 'drop' && isLimited))
            return { end: { verdict: action.kind, rule }, at };
          this.doubts.push({ verdict: action.kind, rule });
          break;
        case 'return':
          if (takes === 'yes' && !isLimited) return { end: { verdict: 'return', rule }, at };
          isSure = false;
          break;
        case 'jump':
        case 'goto': {
          if (action.to === this.#until) return { end: { verdict: 'reached', rule }, at };
          const inner = this.chain(
            this.#chains.get(action.to) ?? { policy: null, rules: [] },
            depth + 1,
            way,
          );
          if (inner.end !== null && inner.end.verdict !== 'return') return { end: inner.end, at };
          if (action.kind === 'jump') break;
          if (takes === 'yes' && !isLimited) return { end: { verdict: 'return', rule }, at };
          isSure = false;
        }
      }
    }
    return { end: null, at: rules.length };
  }
}
