/** Openings -> the command lines that would set them, printed instead of run. */

import { familyOf } from '../address.ts';
import type { Firewall, Opening } from '../model.ts';
import type { ChainSettings } from './family.ts';
import { commandLine } from './listing.ts';
import { argvOf, type Operation } from './operation.ts';
import { ruleSpec } from './rule.ts';

/** A firewall of paper: what it is told to set it prints and remembers. */
export class DryRunFirewall implements Firewall {
  readonly hasTime = true;
  readonly #settings: ChainSettings;
  readonly #say: (text: string) => void;
  #openings: readonly Opening[] = [];

  /** @param say hears each command line, without its line end */
  constructor(settings: ChainSettings, say: (text: string) => void) {
    this.#settings = settings;
    this.#say = say;
  }

  async ensure(): Promise<readonly string[]> {
    const { chain, hooks, manage } = this.#settings;
    if (!manage) return [];
    for (const tool of ['iptables', 'ip6tables']) {
      this.#print(tool, { op: 'new-chain', chain });
      for (const hook of hooks) this.#print(tool, { op: 'insert', chain: hook, at: 1, spec: ['-j', chain] });
    }
    return [];
  }

  async list(): Promise<readonly Opening[]> {
    return this.#openings;
  }

  async insert(opening: Opening): Promise<void> {
    this.#openings = [opening, ...this.#openings];
    const { chain } = this.#settings;
    this.#print(toolFor(opening), { op: 'insert', chain, at: 1, spec: ruleSpec(opening) });
  }

  async remove(opening: Opening): Promise<boolean> {
    const found = this.#openings.findIndex((each) => sameRule(each, opening));
    if (found < 0) return false;
    this.#openings = this.#openings.filter((_, at) => at !== found);
    this.#print(toolFor(opening), { op: 'delete', chain: this.#settings.chain, spec: ruleSpec(opening) });
    return true;
  }

  #print(tool: string, operation: Operation): void {
    this.#say(commandLine([tool, ...argvOf(operation)]));
  }
}

function toolFor({ source }: Opening): string {
  return familyOf(source) === 4 ? 'iptables' : 'ip6tables';
}

function sameRule(left: Opening, right: Opening): boolean {
  return commandLine(ruleSpec(left)) === commandLine(ruleSpec(right));
}
