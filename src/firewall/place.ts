/** Makes our chain and the jumps to it in one family, where they are missing. */

import { EXIT, KnocktailError } from '../errors.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Ensured, Family } from '../model.ts';
import { type HookPlan, lateJump, narrowJump, planHook } from './hook.ts';
import { expectDone, type Iptables } from './iptables.ts';
import { argvOf, type Operation } from './operation.ts';
import type { Probe } from './packet-match.ts';
import { type Ask, readChains } from './read-chains.ts';
import { targetOf } from './target.ts';
import type { Chains } from './walk.ts';

export interface ChainSettings {
  readonly chain: string;
  /** The chains that jump to it: INPUT, FORWARD, DOCKER-USER, ... */
  readonly hooks: readonly string[];
  /** Whether to make what is missing, or only to tell. */
  readonly manage: boolean;
  /** The packets that openings are for, which no rule before the jump may drop; any, where this is left out. */
  readonly openings?: (family: Family) => readonly Probe[];
}

/** Ahead of one jump to a chain of others. */
const MOST_MOVES = 3;
/** What ends a packet's way for certain. */
const VERDICTS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'QUEUE', 'NFQUEUE']);
const NOTHING: Ensured = { told: [], rebuilt: false };

export class ChainPlace {
  readonly #iptables: Iptables;
  readonly #settings: ChainSettings;
  readonly #family: Family;
  readonly #needsHooks: boolean;
  /** How often the jump was moved ahead of a rule. */
  readonly #moves = new Map<string, number>();

  constructor(iptables: Iptables, settings: ChainSettings, family: Family) {
    this.#iptables = iptables;
    this.#settings = settings;
    this.#family = family;
    // Docker has long made its DOCKER-USER for IPv4 alone.
    this.#needsHooks = family === 4;
  }

  /**
   * Makes the chain and its jumps, or with `manage: false` looks for them. Hooks that are not as they have to be are found
   * before anything is made.
   */
  async ensure(): Promise<Ensured> {
    const hooks: (readonly [hook: string, plan: HookPlan | KnocktailError])[] = [];
    for (const hook of this.#settings.hooks) hooks.push([hook, await this.#look(hook)]);
    const parts = [this.#settings.manage ? await this.#makeChain() : await this.#missChain()];
    for (const [hook, plan] of hooks)
      parts.push(plan instanceof KnocktailError ? only(plan.message) : await this.#ensureJump(hook, plan));
    return { told: parts.flatMap(({ told }) => told), rebuilt: parts.some(({ rebuilt }) => rebuilt) };
  }

  /** Whether the jumps stand where they have to; true where that cannot be told, or is not ours to mend. */
  async intact(): Promise<boolean> {
    const { hooks, manage } = this.#settings;
    if (!manage) return true;
    const look: Ask = (operation) => this.#iptables.look(operation);
    for (const hook of hooks) {
      const chains = await this.#read(hook, look).catch(() => null);
      if (chains === null || !chains.has(hook)) continue;
      if (['missing', 'late'].includes(this.#plan(hook, chains).kind)) return false;
    }
    return true;
  }

  /**
   * What is to be done about the jump from a hook; an error where there is no such hook and it need not be there.
   *
   * @throws KnocktailError where the hook cannot be read, or has to be there and is not
   */
  async #look(hook: string): Promise<HookPlan | KnocktailError> {
    const chains = await this.#read(hook, (operation) => this.#iptables.run(operation));
    if (chains.has(hook)) return this.#plan(hook, chains);
    const error = await this.#noHook(hook);
    if (this.#needsHooks) throw error;
    return error;
  }

  #read(hook: string, ask: Ask): Promise<Chains> {
    return readChains(ask, { hooks: [hook], until: this.#settings.chain });
  }

  async #makeChain(): Promise<Ensured> {
    const { chain } = this.#settings;
    const made = await this.#iptables.run({ op: 'new-chain', chain });
    if (made.done) return { told: [`${this.#iptables.name}: made the chain ${chain}`], rebuilt: true };
    if (made.refusal !== 'chain exists') throw made.error;
    // A chain that nft's own rules make unreadable counts as missing when it is listed; here it is not.
    expectDone(await this.#iptables.run({ op: 'list', chain }));
    return NOTHING;
  }

  async #missChain(): Promise<Ensured> {
    const { chain } = this.#settings;
    const answer = await this.#iptables.run({ op: 'list', chain });
    if (answer.done) return NOTHING;
    if (answer.refusal !== 'missing') throw answer.error;
    return only(this.#advice(`there is no chain ${chain}`, { op: 'new-chain', chain }));
  }

  async #ensureJump(hook: string, plan: HookPlan): Promise<Ensured> {
    const { chain, manage } = this.#settings;
    if (plan.kind === 'stands') return NOTHING;
    if (plan.kind === 'narrow') return only(`${this.#iptables.name}: ${narrowJump(hook, chain, plan.probe)}`);
    const spec = plan.kind === 'late' ? plan.spec : ['-j', chain];
    const insert = { op: 'insert', chain: hook, at: plan.at, spec } as const;
    if (!manage) {
      const what =
        plan.kind === 'late' ? lateJump(hook, chain, plan.blocker) : `${hook} does not jump to ${chain}`;
      return only(this.#advice(what, insert));
    }
    // The old jump goes first: `-D` takes the first that fits, which would otherwise be the new one.
    if (plan.kind === 'late') expectDone(await this.#iptables.run({ op: 'delete', chain: hook, spec }));
    expectDone(await this.#iptables.run(insert));
    if (plan.kind === 'late') this.#count(hook, plan.behind);
    const verb = plan.kind === 'late' ? 'moved' : 'made';
    const told = [`${this.#iptables.name}: ${verb} the jump from ${hook} to ${chain}, now rule ${plan.at}`];
    return { told, rebuilt: plan.kind === 'missing' };
  }

  #plan(hook: string, chains: Chains): HookPlan {
    const plan = planHook(chains, hook, this.#settings.chain, this.#settings.openings?.(this.#family));
    return plan.kind === 'late' && this.#insists(hook, plan.behind) ? { kind: 'stands' } : plan;
  }

  #count(hook: string, rule: readonly string[]): void {
    const key = [hook, ...rule].join(' ');
    this.#moves.set(key, (this.#moves.get(key) ?? 0) + 1);
  }

  /** Whether this is a jump that comes back to its place each time, as that of another daemon: it would for ever. */
  #insists(hook: string, rule: readonly string[]): boolean {
    const moves = this.#moves.get([hook, ...rule].join(' ')) ?? 0;
    return moves >= MOST_MOVES && !VERDICTS.has(targetOf(rule) ?? '');
  }

  #advice(what: string, operation: Operation): string {
    return `${this.#iptables.name}: ${what}; manage is off, so run: ${commandLine([this.#iptables.name, ...argvOf(operation)])}`;
  }

  async #noHook(hook: string): Promise<KnocktailError> {
    const where = this.#iptables.name;
    const probe = await this.#iptables.run({ op: 'probe-chain', chain: hook });
    if (!probe.done && probe.refusal === 'chain exists')
      return new KnocktailError('nft made this chain, and iptables cannot read it', {
        exitCode: EXIT.UNAVAILABLE,
        where,
        value: hook,
        remedy: 'take it out of firewall.hooks',
      });
    return new KnocktailError('there is no such chain', {
      exitCode: EXIT.UNAVAILABLE,
      where,
      value: hook,
      remedy: 'make it first or take it out of firewall.hooks',
    });
  }
}

function only(told: string): Ensured {
  return { told: [told], rebuilt: false };
}
