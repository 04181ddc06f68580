/** Finds the rules by which strangers reach a port, whatever openings there are. */

import { chainsLedTo } from './iptables-chains.ts';
import { matchRule, type Probe } from './packet-match.ts';
import { type PacketFilter, type Stage, stagesOf } from './stages.ts';
import { type Chains, type Rule, walk } from './walk.ts';

export interface WayIn {
  /** Null for a policy, and for a chain that ends without a verdict. */
  readonly rule: Rule | null;
  /** As a person knows it: `-A INPUT -p tcp -j ACCEPT`, `-P INPUT ACCEPT`. */
  readonly text: string;
  /** The chain in which it stands. */
  readonly chain: string;
  /** The index of the rule of the hook that accepts the packet or leads there; null where the packet comes to the end. */
  readonly at: number | null;
}

/** Who reaches a port without a knock. */
export interface Exposure {
  /** Let everyone in, in the order in which packets come to them. */
  readonly all: readonly WayIn[];
  /** Let in what comes from some networks or by some interfaces. */
  readonly some: readonly WayIn[];
  /** Accept packets by a match of which it is not known whether a stranger can meet it. */
  readonly unclear: readonly WayIn[];
  /** Hands the packet to another program, which decides. */
  readonly queue: WayIn | null;
}

/** A new connection from a source that no rule names. */
export interface Stranger extends Probe {
  /** Interfaces by each of which strangers come for certain. */
  readonly outside: readonly string[];
}

const SHUT: Exposure = { all: [], some: [], unclear: [], queue: null };
/** Matches that narrow a rule to some destinations. They do not matter when any destination will do. */
const DESTINATIONS: ReadonlySet<string> = new Set(['-d', '-o', '--dst-range']);
/** No table has more rules that accept one packet and were written by people. */
const MOST_WAYS = 1_000;

/**
 * A packet has to be let through by every table, and the drop that is to shut a port is one of iptables. So where all let it
 * through, the rules named are those of iptables.
 *
 * @param hook a configured one; where FORWARD or INPUT leads to it, what comes after it there is looked at, too
 * @param chain that of the openings, which does not count
 */
export function exposureOf(filter: PacketFilter, hook: string, chain: string, stranger: Stranger): Exposure {
  const iptables = filter.iptables === null ? null : without(filter.iptables, chain);
  const exposures = oneByOne(stranger).map((probe) => exposureOn({ ...filter, iptables }, hook, probe));
  return exposures.reduce(merged, SHUT);
}

function oneByOne(stranger: Stranger): readonly Probe[] {
  if (stranger.outside.length < 2) return [stranger];
  return stranger.outside.map((name) => ({ ...stranger, interface: name }));
}

/** Who gets in by some interface gets in. */
function merged(one: Exposure, other: Exposure): Exposure {
  const all = distinct([...one.all, ...other.all], []);
  const unclear = distinct([...one.unclear, ...other.unclear], all);
  const some = distinct([...one.some, ...other.some], [...all, ...unclear]);
  return { all, unclear, some, queue: one.queue ?? other.queue };
}

function distinct(ways: readonly WayIn[], others: readonly WayIn[]): readonly WayIn[] {
  const isNew = (way: WayIn, at: number): boolean =>
    ways.findIndex((each) => each.rule === way.rule && each.text === way.text) === at;
  return ways.filter(
    (way, at) => isNew(way, at) && !others.some((each) => each.rule === way.rule && each.text === way.text),
  );
}

function exposureOn(filter: PacketFilter, hook: string, stranger: Probe): Exposure {
  const { iptables } = filter;
  const stages = stagesOf(filter, entryOf(iptables, hook));
  const found = stages.map((stage) => ({ stage, exposure: exposureIn(stage, stranger) }));
  const closed = found.find(({ exposure }) => exposure.all.length === 0);
  if (found.some(({ exposure }) => isShut(exposure))) return SHUT;
  if (closed !== undefined) return closed.exposure;
  const named =
    found.find(({ stage }) => stage.isIptables) ??
    found.find(({ exposure }) => exposure.all[0]?.rule != null) ??
    found.at(-1);
  return named?.exposure ?? SHUT;
}

/** Whether nobody gets in, as far as is known. */
export function isShut({ all, some, unclear, queue }: Exposure): boolean {
  return all.length + some.length + unclear.length === 0 && queue === null;
}

/** Whether the rule is for this port, and would not take a packet to just any. */
export function namesPort({ rule }: WayIn, probe: Probe): boolean {
  return rule !== null && rule.matches({ ...probe, port: null }).takes === 'no';
}

/** The chain of the kernel's own by which packets come to a hook. */
export function entryOf(chains: Chains | null, hook: string): string {
  const roots = ['INPUT', 'FORWARD'].filter((root) => chains !== null && chainsLedTo(chains, root).has(hook));
  return roots[0] ?? hook;
}

function exposureIn({ chains, entry, isIptables }: Stage, stranger: Probe): Exposure {
  const all: WayIn[] = [];
  const unclear: WayIn[] = [];
  const wayBy = (rule: Rule): WayIn => {
    const chain = chainWith(chains, rule);
    return { rule, text: rule.text, chain, at: indexOf(chains, entry, rule, chain) };
  };
  let left = chains;
  let queue: WayIn | null = null;
  while (all.length < MOST_WAYS) {
    const { end, doubts } = walk(left, entry, stranger);
    const doubtful = doubts.flatMap(({ verdict, rule }) => (verdict === 'accept' ? [rule] : []));
    for (const rule of doubtful) (isForAnyDestination(rule, stranger) ? all : unclear).push(wayBy(rule));
    left = doubtful.reduce(withoutRule, left);
    if (end.verdict === 'drop') break;
    if (end.verdict === 'queue') {
      queue = end.rule === null ? null : wayBy(end.rule);
      break;
    }
    if (end.by === 'rule' && end.rule !== null) {
      all.push(wayBy(end.rule));
      left = withoutRule(left, end.rule);
      continue;
    }
    const policy = isIptables ? `-P ${entry} ACCEPT` : 'the policy of nft';
    const text = end.verdict === 'accept' ? policy : `the end of ${entry}`;
    all.push({ rule: null, text, chain: entry, at: end.at });
    break;
  }
  const anyone: Probe = { ...stranger, from: null, interface: null };
  const some = walk(left, entry, anyone).doubts.flatMap(({ verdict, rule }) =>
    verdict === 'accept' ? [wayBy(rule)] : [],
  );
  return { all, some, unclear, queue };
}

/** Whether it takes the packet for sure, at some destination. */
function isForAnyDestination({ spec }: Rule, stranger: Probe): boolean {
  const words: string[] = [];
  for (let at = 0; at < spec.length; at++) {
    const isNegated = spec[at] === '!';
    if (DESTINATIONS.has(spec[at + (isNegated ? 1 : 0)] ?? '')) at += isNegated ? 2 : 1;
    else words.push(spec[at] ?? '');
  }
  return words.length < spec.length && matchRule(words, stranger).takes === 'yes';
}

function chainWith(chains: Chains, rule: Rule): string {
  return [...chains].find(([, { rules }]) => rules.includes(rule))?.[0] ?? '';
}

function indexOf(chains: Chains, entry: string, rule: Rule, chain: string): number | null {
  const at = (chains.get(entry)?.rules ?? []).findIndex((each) => {
    const { action } = each;
    if (each === rule) return true;
    if (action?.kind !== 'jump' && action?.kind !== 'goto') return false;
    return action.to === chain || chainsLedTo(chains, action.to).has(chain);
  });
  return at < 0 ? null : at;
}

function without(chains: Chains, name: string): Chains {
  return new Map([...chains].filter(([each]) => each !== name));
}

function withoutRule(chains: Chains, rule: Rule): Chains {
  return new Map(
    [...chains].map(([name, { policy, rules }]) => [
      name,
      rules.includes(rule) ? { policy, rules: rules.filter((each) => each !== rule) } : { policy, rules },
    ]),
  );
}
