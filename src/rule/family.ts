/** One family's packet filter: the rules in our chain. */

import { commandLine } from '../command-line.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Family } from '../model.ts';
import { type Answer, expectDone, type Iptables, isHopeless } from './iptables.ts';
import { rulesOf } from './listing.ts';
import type { Change } from './operation.ts';
import { ChainPlace, type ChainSettings } from './place.ts';
import { expectTaken, withTrialChain } from './trial.ts';

/** One rule in each of the ways in which it may have been written. */
type Forms = readonly (readonly string[])[];

const DONE: Answer = { done: true, text: '' };
const NOT_THERE: Answer = {
  done: false,
  refusal: 'missing',
  error: new KnocktailError('there is no such rule', { exitCode: EXIT.NO_MATCH }),
};

export class FamilyChain {
  /** The chain itself and the jumps that lead there. */
  readonly place: ChainPlace;
  readonly #iptables: Iptables;
  readonly #settings: ChainSettings;

  constructor(iptables: Iptables, settings: ChainSettings, family: Family) {
    this.#iptables = iptables;
    this.#settings = settings;
    this.place = new ChainPlace(iptables, settings, family);
  }

  /** Null, or why this kernel cannot filter this family at all. */
  async trouble(): Promise<KnocktailError | null> {
    const answer = await this.#iptables.run({ op: 'list', chain: 'INPUT' });
    return !answer.done && isHopeless(answer.refusal) ? answer.error : null;
  }

  /** Gets ready for changes. Resolves to what is worth telling. */
  async ready(): Promise<readonly string[]> {
    if (await this.#iptables.ready()) return [];
    return [
      `${this.#iptables.name}-restore cannot be used: each opening takes an ${this.#iptables.name} of its own`,
    ];
  }

  close(): Promise<void> {
    return this.#iptables.close();
  }

  /** The rules of the chain as words; none where there is no chain. */
  async rules(): Promise<readonly (readonly string[])[]> {
    return rulesOf(expectDone(await this.#list()), this.#settings.chain);
  }

  /** Whether such a rule stands in the chain. */
  async has(spec: readonly string[]): Promise<boolean> {
    const answer = await this.#iptables.run({ op: 'check', chain: this.#settings.chain, spec });
    if (!answer.done && answer.refusal === 'missing') return false;
    expectDone(answer);
    return true;
  }

  /** Puts these rules at the head of the chain, each of which may be refused. */
  async insert(specs: readonly (readonly string[])[]): Promise<readonly Answer[]> {
    const { chain } = this.#settings;
    const inserts = specs.map((spec) => ({ op: 'insert', chain, at: 1, spec }) as const);
    const committed = await this.#iptables.commit(inserts);
    if (committed === 'done') return inserts.map(() => DONE);
    // A batch that was cut short may have been done all the same.
    const listed = committed === 'failed' ? await this.#list() : DONE;
    if (!listed.done) return inserts.map(() => listed);
    const stands = this.#standing(listed.text);
    const left = inserts.filter(({ spec }) => !stands(spec));
    const answers = await this.#iptables.each(left, ['missing']);
    return inserts.map((insert) => answers[left.indexOf(insert)] ?? DONE);
  }

  /**
   * Takes rules away. One that does not stand there is refused as missing.
   *
   * @param rules the forms that each of them may have
   */
  async remove(rules: readonly Forms[]): Promise<readonly Answer[]> {
    if (await this.#removeFirst(rules)) return rules.map(() => DONE);
    if (rules.length === 1) return Promise.all(rules.map((forms) => this.#removeAny(forms)));
    // One that stands no more has spoilt the batch: somebody has flushed the chain, maybe, and more are like it.
    const listed = await this.#list();
    if (!listed.done) return rules.map(() => listed);
    const stands = this.#standing(listed.text);
    const there = rules.map((forms) => forms.filter(stands));
    const isDone = await this.#removeFirst(there);
    const answers: Answer[] = [];
    for (const forms of there) {
      answers.push(forms.length > 0 && isDone ? DONE : await this.#removeAny(forms));
    }
    return answers;
  }

  /**
   * Whether the kernel takes the first of two rules.
   *
   * @throws KnocktailError where it takes neither
   */
  prefers(spec: readonly string[], otherwise: readonly string[]): Promise<boolean> {
    return withTrialChain(this.#iptables, this.#settings.chain, async (tries) => {
      const answer = await tries(spec);
      if (!answer.done) await expectTaken(tries, otherwise);
      return answer.done;
    });
  }

  /** What the chain holds; nothing where there is no chain. */
  async #list(): Promise<Answer> {
    const { chain } = this.#settings;
    const answer = await this.#iptables.look({ op: 'list', chain });
    if (answer.done || answer.refusal !== 'missing') return answer;
    // iptables-nft says the same of a chain that is not there, and of one in which nft has put what it cannot read.
    const probe = await this.#iptables.look({ op: 'probe-chain', chain });
    return !probe.done && probe.refusal === 'chain exists' ? { ...answer, refusal: 'other' } : DONE;
  }

  #standing(text: string): (spec: readonly string[]) => boolean {
    const lines = new Set(rulesOf(text, this.#settings.chain).map(commandLine));
    return (spec) => lines.has(commandLine(spec));
  }

  /** Removes the first form of each in one batch, or none. */
  async #removeFirst(rules: readonly Forms[]): Promise<boolean> {
    const deletes = rules.flatMap((forms) => forms.slice(0, 1)).map((spec) => this.#delete(spec));
    return deletes.length === 0 || (await this.#iptables.commit(deletes)) === 'done';
  }

  async #removeAny(forms: Forms): Promise<Answer> {
    let last = NOT_THERE;
    for (const form of forms) {
      const [answer = NOT_THERE] = await this.#iptables.each([this.#delete(form)]);
      last = answer;
      if (answer.done || answer.refusal !== 'missing') break;
    }
    return last;
  }

  #delete(spec: readonly string[]): Change {
    return { op: 'delete', chain: this.#settings.chain, spec };
  }
}
