/** One family's hooks -> our chain made and jumped to, where it is not. */

import { commandLine } from '../command-line.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Ensured } from '../model.ts';
import { type HookPlan, planHook, targetOf } from './hook.ts';
import { expectDone, type Iptables } from './iptables.ts';
import { rulesOf } from './listing.ts';
import { argvOf, type Operation } from './operation.ts';

export interface ChainSettings {
  readonly chain: string;
  /** The chains that jump to it: INPUT, FORWARD, DOCKER-USER, ... */
  readonly hooks: readonly string[];
  /** Whether to make what is missing, or only to tell. */
  readonly manage: boolean;
}

/** Ahead of one jump to a chain of others. */
const MOST_MOVES = 3;
/** What ends a packet's way for certain. */
const VERDICTS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'QUEUE', 'NFQUEUE']);
const NOTHING: Ensured = { told: [], rebuilt: false };

export class ChainPlace {
  readonly #iptables: Iptables;
  readonly #settings: ChainSettings;
  readonly #needsHooks: boolean;
  /** How often the jump was moved ahead of a rule. */
  readonly #moves = new Map<string, number>();

  /** @param needsHooks whether a hook that is not there is an error, or only worth telling */
  constructor(iptables: Iptables, settings: ChainSettings, needsHooks: boolean) {
    this.#iptables = iptables;
    this.#settings = settings;
    this.#needsHooks = needsHooks;
  }

  /** Makes the chain and its jumps, or with `manage: false` looks for them. */
  async ensure(): Promise<Ensured> {
    const parts = [this.#settings.manage ? await this.#makeChain() : await this.#missChain()];
    for (const hook of this.#settings.hooks) parts.push(await this.#ensureJump(hook));
    return { told: parts.flatMap(({ told }) => told), rebuilt: parts.some(({ rebuilt }) => rebuilt) };
  }

  /** Whether the jumps stand where they have to; true where that cannot be told, or is not ours to mend. */
  async intact(): Promise<boolean> {
    const { hooks, manage } = this.#settings;
    if (!manage) return true;
    for (const hook of hooks) {
      const answer = await this.#iptables.look({ op: 'list', chain: hook });
      if (answer.done && this.#plan(hook, answer.text).kind !== 'stands') return false;
    }
    return true;
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

  async #ensureJump(hook: string): Promise<Ensured> {
    const { chain, manage } = this.#settings;
    const listed = await this.#iptables.run({ op: 'list', chain: hook });
    if (!listed.done && listed.refusal === 'missing') {
      const error = this.#noHook(hook, listed.error);
      if (this.#needsHooks) throw error;
      return only(error.message);
    }
    const plan = this.#plan(hook, expectDone(listed));
    if (plan.kind === 'stands') return NOTHING;
    const spec = plan.kind === 'late' ? plan.spec : ['-j', chain];
    const insert = { op: 'insert', chain: hook, at: plan.at, spec } as const;
    if (!manage) {
      const what =
        plan.kind === 'late'
          ? `the jump from ${hook} to ${chain} stands behind a rule that ends a packet's way`
          : `${hook} does not jump to ${chain}`;
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

  #plan(hook: string, listing: string): HookPlan {
    const plan = planHook(rulesOf(listing, hook), this.#settings.chain);
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

  #noHook(hook: string, cause: KnocktailError): KnocktailError {
    return new KnocktailError('there is no such chain', {
      exitCode: EXIT.UNAVAILABLE,
      where: this.#iptables.name,
      value: hook,
      remedy: 'make it first or take it out of firewall.hooks',
      cause,
    });
  }
}

function only(told: string): Ensured {
  return { told: [told], rebuilt: false };
}
