/** Makes chains of rules that a packet can be walked through of what `nft -j list ruleset` prints. */

import { commandLine } from '../lib/shell-quote.ts';
import type { Family } from '../model.ts';
import { isFields, matches, type NftSets } from './nft-match.ts';
import { both, type Probe, type RuleMatch } from './packet-match.ts';
import type { Action, Chain, Chains, Rule } from './walk.ts';

/** A chain that packets come by. */
export interface BaseChain {
  /** As in `inet filter`. */
  readonly table: string;
  readonly families: readonly Family[];
  /** As in `prerouting`, `input`. */
  readonly hook: string;
  readonly priority: number;
  readonly entry: string;
  /** Those of its table. */
  readonly chains: Chains;
  /** Whether iptables has made it. */
  readonly isOfIptables: boolean;
}

const FAMILIES: Readonly<Record<string, readonly Family[]>> = { ip: [4], ip6: [6], inet: [4, 6] };
const IPTABLES_TABLES = /^ip6? (?:filter|nat|mangle|raw|security)$/;

/** @returns those that may drop a packet, in no order; null where this is no such text */
export function baseChainsOf(text: string): readonly BaseChain[] | null {
  const objects = objectsOf(text);
  if (objects === null) return null;
  const tables = new Map<string, Table>();
  for (const object of objects) {
    const [kind, value] = Object.entries(object)[0] ?? [];
    if (!isFields(value)) continue;
    const name = `${String(value['family'])} ${String(value['table'] ?? value['name'])}`;
    const table = tables.get(name) ?? new Table(name);
    tables.set(name, table);
    if (kind !== undefined) table.add(kind, value);
  }
  return [...tables.values()].flatMap((table) => table.baseChains());
}

function objectsOf(text: string): readonly Readonly<Record<string, unknown>>[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    const list: unknown = isFields(parsed) ? parsed['nftables'] : null;
    return Array.isArray(list) ? list.filter(isFields) : null;
  } catch {
    return null;
  }
}

interface Base {
  readonly entry: string;
  readonly hook: string;
  readonly priority: number;
}

class Table {
  readonly #name: string;
  readonly #sets = new Map<string, readonly unknown[]>();
  readonly #chains = new Map<string, { readonly policy: Chain['policy']; readonly rules: Rule[] }>();
  readonly #bases: Base[] = [];
  #hasXt = false;

  constructor(name: string) {
    this.#name = name;
  }

  add(kind: string, value: Readonly<Record<string, unknown>>): void {
    const name = String(value['name']);
    if (kind === 'set' || kind === 'map') {
      const elements: unknown = value['elem'];
      this.#sets.set(`@${name}`, Array.isArray(elements) ? elements : []);
    } else if (kind === 'chain') this.#addChain(name, value);
    else if (kind === 'rule' && Array.isArray(value['expr']))
      this.#addRule(String(value['chain']), String(value['handle']), value['expr']);
  }

  baseChains(): readonly BaseChain[] {
    const families = FAMILIES[this.#name.split(' ')[0] ?? ''] ?? [];
    if (families.length === 0) return [];
    return this.#bases.map((base) => ({
      ...base,
      table: this.#name,
      families,
      chains: this.#chains,
      isOfIptables: IPTABLES_TABLES.test(this.#name) && (this.#hasXt || /^[A-Z]+$/.test(base.entry)),
    }));
  }

  #addChain(name: string, { type, hook, prio, policy }: Readonly<Record<string, unknown>>): void {
    const isBase = type === 'filter' && typeof hook === 'string';
    const end = policy === 'drop' ? 'drop' : 'accept';
    this.#chains.set(name, { policy: isBase ? end : null, rules: [] });
    if (isBase) this.#bases.push({ entry: name, hook, priority: Number(prio ?? 0) });
  }

  #addRule(chain: string, handle: string, statements: readonly unknown[]): void {
    const rules = this.#chains.get(chain)?.rules;
    if (rules === undefined) return;
    const text = textOf(`${this.#name} ${chain}`, handle);
    this.#hasXt ||= statements.some((statement) => isFields(statement) && 'xt' in statement);
    rules.push(...rulesOf(text, statements, this.#sets));
  }
}

function textOf(place: string, handle: string): string {
  return `rule of nft in ${place}, handle ${handle}`;
}

/** The command that deletes a rule, by its text; null where that is no rule of nft. */
export function nftDeletion(text: string): string | null {
  const [, place, handle] = /^rule of nft in (.+), handle (\d+)$/.exec(text) ?? [];
  return place === undefined
    ? null
    : commandLine(['nft', 'delete', 'rule', ...place.split(' '), 'handle', `${handle}`]);
}

/** One for each statement that acts, which takes what all matches before it take. */
function rulesOf(text: string, statements: readonly unknown[], sets: NftSets): Rule[] {
  const rules: Rule[] = [];
  const tests: Test[] = [];
  for (const statement of statements) {
    if (!isFields(statement)) continue;
    const before = [...tests];
    const [kind = '', value] = Object.entries(statement)[0] ?? [];
    for (const { test, action } of vmapCases(kind, value))
      rules.push({ text, spec: [], matches: (probe) => all([...before, test], probe, sets), action });
    const action = actionOf(kind, value);
    if (action !== null) rules.push({ text, spec: [], matches: (probe) => all(before, probe, sets), action });
    const test = testOf(kind, value);
    if (test !== null) tests.push(test);
  }
  return rules;
}

type Test = (probe: Probe, sets: NftSets) => RuleMatch;

function all(tests: readonly Test[], probe: Probe, sets: NftSets): RuleMatch {
  const results = tests.map((test) => test(probe, sets));
  return {
    takes: results.reduce<RuleMatch['takes']>((sum, { takes }) => both(sum, takes), 'yes'),
    isThrottled: results.some(({ isThrottled }) => isThrottled),
  };
}

/** What has to be so for the statements behind it; null for one that is passed by all. */
function testOf(kind: string, value: unknown): Test | null {
  const always =
    (takes: RuleMatch['takes'], isThrottled = false): Test =>
    () => ({ takes, isThrottled });
  const isOver = isFields(value) && value['inv'] === true;
  switch (kind) {
    case 'match':
      return (probe, sets) => ({ takes: matches(value, probe, sets), isThrottled: false });
    case 'limit':
      // One packet is below any rate.
      return isOver ? always('no') : always('yes', true);
    case 'set':
    case 'meter':
      return ofEach(value);
    case 'xt':
    case 'quota':
    case 'ct count':
      return always('maybe');
    default:
      return null;
  }
}

/** A limit for each source by itself. */
function ofEach(value: unknown): Test {
  const statements = isFields(value) ? [value['stmt']].flat() : [];
  const isOver = statements.some(
    (statement) => isFields(statement) && isFields(statement['limit']) && statement['limit']['inv'] === true,
  );
  return () => ({ takes: isOver ? 'no' : 'yes', isThrottled: false });
}

function actionOf(kind: string, value: unknown): Action | null {
  const fields = isFields(value) ? value : {};
  switch (kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return { kind };
    case 'reject':
      return { kind: 'drop' };
    case 'queue':
      return { kind: 'queue' };
    case 'jump':
    case 'goto':
      return { kind, to: String(fields['target']) };
    case 'log':
      return {
        kind: 'log',
        prefix: typeof fields['prefix'] === 'string' ? fields['prefix'] : '',
        format: fields['group'] === undefined ? 'kernel' : 'ulogd',
      };
    default:
      return null;
  }
}

/** `tcp dport vmap { 22 : accept, 23 : drop }` as two rules. */
function vmapCases(kind: string, value: unknown): { readonly test: Test; readonly action: Action }[] {
  if (kind !== 'vmap' || !isFields(value)) return [];
  const { key, data } = value;
  const pairs: unknown = isFields(data) ? data['set'] : null;
  return (Array.isArray(pairs) ? pairs : []).flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) return [];
    const [right, verdict]: readonly unknown[] = pair;
    const [name = '', target] = isFields(verdict) ? (Object.entries(verdict)[0] ?? []) : [];
    const action = actionOf(name, target);
    const test: Test = (probe, sets) => ({
      takes: matches({ op: '==', left: key, right }, probe, sets),
      isThrottled: false,
    });
    return action === null ? [] : [{ test, action }];
  });
}
