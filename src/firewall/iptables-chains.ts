/** Makes chains of rules that a packet can be walked through of what `iptables -S` prints. */

import { commandLine } from '../lib/shell-quote.ts';
import { rulesOf } from './listing.ts';
import { matchRule } from './packet-match.ts';
import { GOES_ON, isGoto, targetOf } from './target.ts';
import type { Action, Chain, Chains, Rule } from './walk.ts';

type Spec = readonly string[];

const DROPS: ReadonlySet<string> = new Set(['DROP', 'REJECT', 'TARPIT', 'STEAL', 'DELUDE', 'CHAOS']);
const QUEUES: ReadonlySet<string> = new Set(['QUEUE', 'NFQUEUE', 'SYNPROXY']);
const LOGS: ReadonlyMap<string, 'kernel' | 'ulogd'> = new Map([
  ['LOG', 'kernel'],
  ['NFLOG', 'ulogd'],
  ['ULOG', 'ulogd'],
]);
const PREFIXES = ['--log-prefix', '--nflog-prefix', '--ulog-prefix'];

/** @param listing what is printed of each chain; null for one that is not there */
export function chainsOf(listing: ReadonlyMap<string, string | null>): Chains {
  const chains = new Map<string, Chain>();
  for (const [name, text] of listing) if (text !== null) chains.set(name, chainOf(name, text));
  return chains;
}

export function chainOf(name: string, text: string): Chain {
  return chainFrom(name, rulesOf(text, name), policyOf(name, text));
}

export function chainFrom(name: string, specs: readonly Spec[], policy: Chain['policy'] = null): Chain {
  return { policy, rules: specs.map((spec) => ruleFrom(name, spec)) };
}

/** The chains that a packet in this one may come to, whether they are known or not. */
export function chainsLedTo(chains: Chains, from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const due = [from];
  for (let name = due.pop(); name !== undefined; name = due.pop()) {
    for (const { action } of chains.get(name)?.rules ?? []) {
      if ((action?.kind !== 'jump' && action?.kind !== 'goto') || found.has(action.to)) continue;
      found.add(action.to);
      due.push(action.to);
    }
  }
  return found;
}

function ruleFrom(chain: string, spec: Spec): Rule {
  return {
    text: commandLine(['-A', chain, ...spec]),
    spec,
    matches: (probe) => matchRule(spec, probe),
    action: actionOf(spec),
  };
}

function actionOf(spec: Spec): Action | null {
  const target = targetOf(spec);
  if (target === null) return null;
  const format = LOGS.get(target);
  if (format !== undefined) return { kind: 'log', prefix: prefixOf(spec), format };
  if (target === 'ACCEPT') return { kind: 'accept' };
  if (target === 'RETURN') return { kind: 'return' };
  if (DROPS.has(target)) return { kind: 'drop' };
  if (QUEUES.has(target)) return { kind: 'queue' };
  if (GOES_ON.has(target)) return null;
  return { kind: isGoto(spec) ? 'goto' : 'jump', to: target };
}

function prefixOf(spec: Spec): string {
  const at = spec.findIndex((word) => PREFIXES.includes(word));
  return at < 0 ? '' : (spec[at + 1] ?? '');
}

/** As `-P` says it; null where the chain has none. */
export function policyOf(name: string, text: string): Chain['policy'] {
  const line = text.split('\n').find((each) => each.startsWith(`-P ${name} `));
  if (line === undefined) return null;
  return line.split(' ')[2] === 'ACCEPT' ? 'accept' : 'drop';
}
