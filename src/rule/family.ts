/** One family's packet filter: our chain in it and the jumps that lead there. */

import { EXIT, KnocktailError } from '../errors.ts';
import { planHook } from './hook.ts';
import { type Answer, expectDone, type Iptables } from './iptables.ts';
import { commandLine, rulesOf } from './listing.ts';
import { argvOf, type Operation } from './operation.ts';

export interface ChainSettings {
  readonly chain: string;
  /** The chains that jump to it: INPUT, FORWARD, DOCKER-USER, ... */
  readonly hooks: readonly string[];
  /** Whether to make what is missing, or only to tell. */
  readonly manage: boolean;
}

/** Chain names end at 28 bytes (XT_EXTENSION_MAXNAMELEN with its NUL). */
const CHAIN_NAME_BYTES = 28;

export class FamilyChain {
  readonly #iptables: Iptables;
  readonly #settings: ChainSettings;
  readonly #needsHooks: boolean;

  /** @param needsHooks whether a hook that is not there is an error, or only worth telling */
  constructor(iptables: Iptables, settings: ChainSettings, needsHooks: boolean) {
    this.#iptables = iptables;
    this.#settings = settings;
    this.#needsHooks = needsHooks;
  }

  /** Null, or why this kernel cannot filter this family at all. */
  async trouble(): Promise<KnocktailError | null> {
    const answer = await this.#iptables.run({ op: 'list', chain: 'INPUT' });
    return !answer.done && answer.refusal === 'no family' ? answer.error : null;
  }

  /** Makes the chain and its jumps, or with `manage: false` looks for them. Resolves to what is worth telling. */
  async ensure(): Promise<readonly string[]> {
    const told = this.#settings.manage ? await this.#makeChain() : await this.#missChain();
    for (const hook of this.#settings.hooks) told.push(...(await this.#ensureJump(hook)));
    return told;
  }

  /** The rules of the chain as words; none where there is no chain. */
  async rules(): Promise<readonly (readonly string[])[]> {
    const { chain } = this.#settings;
    const answer = await this.#iptables.run({ op: 'list', chain });
    if (!answer.done && answer.refusal === 'missing') return [];
    return rulesOf(expectDone(answer), chain);
  }

  insert(spec: readonly string[]): Promise<Answer> {
    return this.#iptables.run({ op: 'insert', chain: this.#settings.chain, at: 1, spec });
  }

  /** Resolves to false when no such rule, or no chain, stood there. */
  async remove(spec: readonly string[]): Promise<boolean> {
    const answer = await this.#iptables.run({ op: 'delete', chain: this.#settings.chain, spec });
    if (!answer.done && answer.refusal === 'missing') return false;
    expectDone(answer);
    return true;
  }

  /**
   * Tries both rules in a chain of its own, which no packet passes and which is gone afterwards.
   *
   * @returns whether the kernel takes the first; when it takes neither, the answer to the second is thrown
   */
  async prefers(spec: readonly string[], otherwise: readonly string[]): Promise<boolean> {
    const tail = `-try-${process.pid}`;
    const chain = this.#settings.chain.slice(0, CHAIN_NAME_BYTES - tail.length) + tail;
    const run = (operation: Operation) => this.#iptables.run(operation);
    const made = await run({ op: 'new-chain', chain });
    // One that was killed in the middle has left it there; in a container each start has the same process id.
    if (made.done || made.refusal !== 'chain exists') expectDone(made);
    else expectDone(await run({ op: 'empty-chain', chain }));
    try {
      const answer = await run({ op: 'insert', chain, at: 1, spec });
      if (!answer.done) expectDone(await run({ op: 'insert', chain, at: 1, spec: otherwise }));
      return answer.done;
    } finally {
      await run({ op: 'empty-chain', chain });
      await run({ op: 'drop-chain', chain });
    }
  }

  async #makeChain(): Promise<string[]> {
    const { chain } = this.#settings;
    const made = await this.#iptables.run({ op: 'new-chain', chain });
    if (made.done) return [`${this.#iptables.name}: made the chain ${chain}`];
    if (made.refusal !== 'chain exists') throw made.error;
    // A chain that nft's own rules make unreadable counts as missing when it is listed; here it is not.
    expectDone(await this.#iptables.run({ op: 'list', chain }));
    return [];
  }

  async #missChain(): Promise<string[]> {
    const { chain } = this.#settings;
    const answer = await this.#iptables.run({ op: 'list', chain });
    if (answer.done) return [];
    if (answer.refusal !== 'missing') throw answer.error;
    return [this.#advice(`there is no chain ${chain}`, { op: 'new-chain', chain })];
  }

  async #ensureJump(hook: string): Promise<readonly string[]> {
    const { chain, manage } = this.#settings;
    const listed = await this.#iptables.run({ op: 'list', chain: hook });
    if (!listed.done && listed.refusal === 'missing') {
      const error = this.#noHook(hook, listed.error);
      if (this.#needsHooks) throw error;
      return [error.message];
    }
    const plan = planHook(rulesOf(expectDone(listed), hook), chain);
    if (plan.kind === 'stands') return [];
    const spec = plan.kind === 'late' ? plan.spec : ['-j', chain];
    const insert = { op: 'insert', chain: hook, at: plan.at, spec } as const;
    if (!manage) {
      const what =
        plan.kind === 'late'
          ? `the jump from ${hook} to ${chain} stands behind a rule that ends a packet's way`
          : `${hook} does not jump to ${chain}`;
      return [this.#advice(what, insert)];
    }
    // The old jump goes first: `-D` takes the first that fits, which would otherwise be the new one.
    if (plan.kind === 'late') expectDone(await this.#iptables.run({ op: 'delete', chain: hook, spec }));
    expectDone(await this.#iptables.run(insert));
    const verb = plan.kind === 'late' ? 'moved' : 'made';
    return [`${this.#iptables.name}: ${verb} the jump from ${hook} to ${chain}, now rule ${plan.at}`];
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
