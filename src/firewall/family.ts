/** One family's packet filter: the rules in our chain. */

import { EXIT, KnocktailError } from '../errors.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Family } from '../model.ts';
import { Handles } from './handles.ts';
import { type Answer, expectDone, HOPELESS, type Iptables, isHopeless, type Refusal } from './iptables.ts';
import { linesOf } from './listing.ts';
import type { Change } from './operation.ts';
import { ChainPlace, type ChainSettings } from './place.ts';
import { expectTaken, withTrialChain } from './trial.ts';

type Spec = readonly string[];
/** One rule in each of the ways in which it may have been written. */
type Forms = readonly Spec[];

/** Fewer are removed by what they say, which takes a millisecond. */
const SOME = 20;
/** Fewer are not worth to have their handles found out first. */
const MANY = 100;
/** Rules that are removed at once by what they say: iptables-nft compares each with all before it. */
const REMOVED_AT_ONCE = { nft: 1_000, legacy: 2_500 };
/** Rules that are removed at once by their handles. */
const DELETED_AT_ONCE = 1_000;
const INSERTED_AT_ONCE = 2_000;
/**
 * Rules that are removed at a time where others wait for it. The kernel takes 0.1 ms for each rule of nft; in legacy tables
 * each change, however small, takes as long as the table is long.
 */
const LOT = { handles: 250, ...REMOVED_AT_ONCE };

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
  readonly #family: Family;
  /** Null where rules have no handles, or there is no program that deletes by them. */
  #handles: Promise<Handles | null> | null = null;

  constructor(iptables: Iptables, settings: ChainSettings, family: Family) {
    this.#iptables = iptables;
    this.#settings = settings;
    this.#family = family;
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

  async close(): Promise<void> {
    const handles = await this.#handles;
    if (handles?.isEmpty === false) await handles.forget();
    await this.#iptables.close();
  }

  /** The rules of the chain as iptables prints them behind `-A CHAIN`; none where there is no chain. */
  async rules(): Promise<readonly string[]> {
    return linesOf(expectDone(await this.#list()), this.#settings.chain);
  }

  /** Whether such a rule stands in the chain. */
  async has(spec: readonly string[]): Promise<boolean> {
    const answer = await this.#iptables.run({ op: 'check', chain: this.#settings.chain, spec });
    if (!answer.done && answer.refusal === 'missing') return false;
    expectDone(answer);
    return true;
  }

  /** Puts these rules at the head of the chain, each of which may be refused. */
  insert(specs: readonly Spec[]): Promise<readonly Answer[]> {
    return inParts(specs, INSERTED_AT_ONCE, (part) => this.#insert(part), [...HOPELESS, 'missing']);
  }

  /** Finds out beside all else what `remove` needs to know to remove many. */
  async prepareRemoval(): Promise<number> {
    if (!(await this.#iptables.isNft())) return LOT.legacy;
    const handles = await this.#handlesOf();
    return (await handles?.read()) === true ? LOT.handles : LOT.nft;
  }

  /**
   * Removes rules. One that does not stand there is refused as missing.
   *
   * @param rules the forms that each of them may have
   */
  async remove(rules: readonly Forms[]): Promise<readonly Answer[]> {
    const handles = rules.length < SOME ? null : await this.#handlesOf();
    const isWorth = handles !== null && (rules.length >= MANY || !handles.isEmpty);
    const deleted = isWorth ? await this.#delete(rules, handles) : new Map<Forms, Answer>();
    const left = rules.filter((forms) => !deleted.has(forms));
    const isLegacy = left.length > REMOVED_AT_ONCE.nft && !(await this.#iptables.isNft());
    const size = REMOVED_AT_ONCE[isLegacy ? 'legacy' : 'nft'];
    const answers = await inParts(left, size, (part) => this.#remove(part), HOPELESS);
    const removed = new Map(left.map((forms, at) => [forms, answers[at]]));
    return rules.map((forms) => deleted.get(forms) ?? removed.get(forms) ?? DONE);
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

  #standing(text: string): (spec: Spec) => boolean {
    const lines = new Set(linesOf(text, this.#settings.chain));
    return (spec) => lines.has(commandLine(spec));
  }

  async #insert(specs: readonly Spec[]): Promise<readonly Answer[]> {
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
    const answerOf = new Map(left.map((insert, at) => [insert, answers[at]]));
    return inserts.map((insert) => answerOf.get(insert) ?? DONE);
  }

  /** Removes rules by what they say. */
  async #remove(rules: readonly Forms[]): Promise<readonly Answer[]> {
    if (await this.#removeFirst(rules)) return rules.map(() => DONE);
    if (rules.length === 1) return Promise.all(rules.map((forms) => this.#removeAny(forms)));
    // One that stands no more has spoilt the batch: somebody has flushed the chain, maybe, and more are like it.
    const listed = await this.#list();
    if (!listed.done) return rules.map(() => listed);
    const stands = this.#standing(listed.text);
    const there = rules.map((forms) => forms.filter(stands));
    if (await this.#removeFirst(there)) return there.map((forms) => (forms.length > 0 ? DONE : NOT_THERE));
    return inParts(there, 1, ([forms = []]) => this.#removeAny(forms).then((answer) => [answer]), HOPELESS);
  }

  /** Removes rules by their handles. Resolves to the answers for as many as that can answer. */
  async #delete(rules: readonly Forms[], handles: Handles): Promise<ReadonlyMap<Forms, Answer>> {
    const answers = await this.#deleteKnown(rules, handles);
    const left = rules.filter((forms) => !answers.has(forms));
    // What was found out may be from before these rules were made, or removed.
    if (left.length === 0 || !(await handles.read())) return answers;
    const missing = left.filter((forms) => forms.every((form) => !handles.has(commandLine(form))));
    const more = await this.#deleteKnown(left, handles);
    return new Map([...answers, ...more, ...missing.map((forms) => [forms, NOT_THERE] as const)]);
  }

  async #deleteKnown(rules: readonly Forms[], handles: Handles): Promise<ReadonlyMap<Forms, Answer>> {
    const answers = new Map<Forms, Answer>();
    const known = rules.flatMap((forms) => {
      const form = forms.find((each) => handles.has(commandLine(each)));
      const handle = form === undefined ? null : handles.take(commandLine(form));
      return handle === null ? [] : [{ forms, handle }];
    });
    for (let from = 0; from < known.length; from += DELETED_AT_ONCE) {
      const part = known.slice(from, from + DELETED_AT_ONCE);
      if (!(await handles.delete(part.map(({ handle }) => handle)))) break;
      for (const { forms } of part) answers.set(forms, DONE);
    }
    return answers;
  }

  #handlesOf(): Promise<Handles | null> {
    this.#handles ??= this.#findHandles();
    return this.#handles;
  }

  async #findHandles(): Promise<Handles | null> {
    const nft = this.#iptables.nft;
    if (nft === null || !(await this.#iptables.isNft())) return null;
    const { chain } = this.#settings;
    const list = async (): Promise<string | null> => {
      const answer = await this.#iptables.look({ op: 'list', chain });
      return answer.done ? answer.text : null;
    };
    const { timeLimitMs } = this.#iptables;
    return new Handles({ nft, family: this.#family, chain, timeLimitMs, list });
  }

  /** Removes the first form of each in one batch, or none. */
  async #removeFirst(rules: readonly Forms[]): Promise<boolean> {
    const deletes = rules.flatMap((forms) => forms.slice(0, 1)).map((spec) => this.#deletion(spec));
    return deletes.length === 0 || (await this.#iptables.commit(deletes)) === 'done';
  }

  async #removeAny(forms: Forms): Promise<Answer> {
    let last = NOT_THERE;
    for (const form of forms) {
      const [answer = NOT_THERE] = await this.#iptables.each([this.#deletion(form)]);
      last = answer;
      if (answer.done || answer.refusal !== 'missing') break;
    }
    return last;
  }

  #deletion(spec: Spec): Change {
    return { op: 'delete', chain: this.#settings.chain, spec };
  }
}

/**
 * Acts on so many at a time.
 *
 * @param hopeless refusals of the last of a part that go for all that follow
 */
async function inParts<T>(
  all: readonly T[],
  size: number,
  act: (part: readonly T[]) => Promise<readonly Answer[]>,
  hopeless: readonly Refusal[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < all.length; from += size) {
    const part = all.slice(from, from + size);
    const last = answers.at(-1);
    const isHopeless = last !== undefined && !last.done && hopeless.includes(last.refusal);
    for (const answer of isHopeless ? part.map(() => last) : await act(part)) answers.push(answer);
  }
  return answers;
}
