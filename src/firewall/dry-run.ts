/** A firewall that prints the command lines it would run. */

import { familyOf } from '../lib/address.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Ensured, Firewall, Opening, Refused } from '../model.ts';
import { argvOf, type Operation } from './operation.ts';
import type { ChainSettings } from './place.ts';
import { ruleSpec } from './rule.ts';

const NOTHING: Ensured = { told: [], rebuilt: false };

/** A firewall of paper: what it is told to set it prints and remembers. */
export class DryRunFirewall implements Firewall {
  readonly isDry = true;
  readonly hasTime = true;
  readonly #settings: ChainSettings;
  readonly #say: (text: string) => void;
  /** By their rules, the oldest first. */
  readonly #openings = new Map<string, Opening>();
  #isMade = false;

  /** @param say hears each command line, without its line end */
  constructor(settings: ChainSettings, say: (text: string) => void) {
    this.#settings = settings;
    this.#say = say;
  }

  async ensure(): Promise<Ensured> {
    const { chain, hooks, manage } = this.#settings;
    if (this.#isMade || !manage) return NOTHING;
    this.#isMade = true;
    for (const tool of ['iptables', 'ip6tables']) {
      this.#print(tool, { op: 'new-chain', chain });
      for (const hook of hooks) this.#print(tool, { op: 'insert', chain: hook, at: 1, spec: ['-j', chain] });
    }
    return NOTHING;
  }

  async intact(): Promise<boolean> {
    return true;
  }

  async list(): Promise<readonly Opening[]> {
    return [...this.#openings.values()].reverse();
  }

  async has(opening: Opening): Promise<boolean> {
    return this.#openings.has(ruleOf(opening));
  }

  async insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const { chain } = this.#settings;
    for (const opening of openings) {
      this.#openings.delete(ruleOf(opening));
      this.#openings.set(ruleOf(opening), opening);
      this.#print(toolFor(opening), { op: 'insert', chain, at: 1, spec: ruleSpec(opening) });
    }
    return new Map();
  }

  async prepareRemoval(): Promise<number> {
    return Number.POSITIVE_INFINITY;
  }

  async remove(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Error | null>> {
    const { chain } = this.#settings;
    const left = new Map<Opening, null>();
    for (const opening of openings) {
      if (this.#openings.delete(ruleOf(opening)))
        this.#print(toolFor(opening), { op: 'delete', chain, spec: ruleSpec(opening) });
      else left.set(opening, null);
    }
    return left;
  }

  async close(): Promise<void> {}

  #print(tool: string, operation: Operation): void {
    this.#say(commandLine([tool, ...argvOf(operation)]));
  }
}

function toolFor({ source }: Opening): string {
  return familyOf(source) === 4 ? 'iptables' : 'ip6tables';
}

function ruleOf(opening: Opening): string {
  return commandLine(ruleSpec(opening));
}
