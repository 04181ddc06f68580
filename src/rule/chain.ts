/** Openings <-> rules in the chain KNOCKD, through iptables and ip6tables. */

import { familyOf } from '../address.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Firewall, Opening } from '../model.ts';
import { findBinaries } from './binary.ts';
import { type ChainSettings, FamilyChain } from './family.ts';
import { expectDone, Iptables } from './iptables.ts';
import { readRule, ruleSpec } from './rule.ts';

export interface IptablesSettings extends ChainSettings {
  /** `auto`, `nft`, `legacy`, or the absolute path of an iptables. */
  readonly iptables: string;
  /** How long one iptables may take; 20 s where it is left out. */
  readonly timeLimitMs?: number;
}

/** The families this kernel filters; `lacks` says why IPv6 is not among them. */
interface Families {
  readonly v4: FamilyChain;
  readonly v6: FamilyChain | null;
  readonly lacks: string | null;
}

export class IptablesFirewall implements Firewall {
  readonly #settings: IptablesSettings;
  readonly #tell: (text: string) => void;
  readonly #v4: FamilyChain;
  readonly #v6: FamilyChain | null;
  #families: Promise<Families> | null = null;
  #ensuring: Promise<readonly string[]> | null = null;
  #hasTime: boolean | null = null;

  /**
   * @param tell hears of what `insert` had to mend
   * @throws KnocktailError 69 when there is no iptables
   */
  constructor(settings: IptablesSettings, tell: (text: string) => void) {
    const { v4, v6 } = findBinaries(settings.iptables, process.env['PATH'] ?? '');
    const program = (path: string) => new Iptables(path, settings.timeLimitMs);
    this.#settings = settings;
    this.#tell = tell;
    this.#v4 = new FamilyChain(program(v4), settings, true);
    // Docker has long made its DOCKER-USER for IPv4 alone.
    this.#v6 = v6 === null ? null : new FamilyChain(program(v6), settings, false);
  }

  /** Whether the kernel ends rules by itself. Assumed until `ensure` has found out. */
  get hasTime(): boolean {
    return this.#hasTime ?? true;
  }

  /** Calls that overlap share one run: two at once would each make the jump. */
  ensure(): Promise<readonly string[]> {
    this.#ensuring ??= this.#ensure().finally(() => {
      this.#ensuring = null;
    });
    return this.#ensuring;
  }

  async list(): Promise<readonly Opening[]> {
    const { v4, v6 } = await this.#known();
    const specs = [...(await v4.rules()), ...((await v6?.rules()) ?? [])];
    return specs.map(readRule).filter((opening) => opening !== null);
  }

  /** Puts the rule at the head of the chain. A chain that has gone is made anew, once. */
  async insert(opening: Opening): Promise<void> {
    const chain = await this.#chainFor(opening);
    let answer = await chain.insert(ruleSpec(opening, this.hasTime));
    if (!answer.done && answer.refusal === 'missing' && this.#settings.manage) {
      for (const text of await this.ensure()) this.#tell(text);
      answer = await chain.insert(ruleSpec(opening, this.hasTime));
    }
    expectDone(answer);
  }

  /** Looks for both forms of the rule: it may have been made where xt_time was, or was not, to be had. */
  async remove(opening: Opening): Promise<boolean> {
    const chain = await this.#chainFor(opening);
    if (await chain.remove(ruleSpec(opening, this.hasTime))) return true;
    return opening.until !== null && (await chain.remove(ruleSpec(opening, !this.hasTime)));
  }

  async #ensure(): Promise<readonly string[]> {
    const { v4, v6, lacks } = await this.#known();
    const told = [...(await v4.ensure()), ...((await v6?.ensure()) ?? [])];
    if (this.#hasTime !== null) return told;
    if (lacks !== null) told.push(`${lacks}; doors open for IPv4 alone`);
    this.#hasTime = await triesTime(v4);
    if (!this.#hasTime)
      told.push('no xt_time in this kernel: a door shuts by timer alone, not if the daemon dies');
    return told;
  }

  #known(): Promise<Families> {
    this.#families ??= this.#findFamilies().catch((error: unknown) => {
      this.#families = null;
      throw error;
    });
    return this.#families;
  }

  async #findFamilies(): Promise<Families> {
    const v4 = this.#v4;
    const v6 = this.#v6;
    if (v6 === null) return { v4, v6, lacks: 'there is no ip6tables' };
    const trouble = await v6.trouble();
    return trouble === null ? { v4, v6, lacks: null } : { v4, v6: null, lacks: trouble.message };
  }

  async #chainFor({ source, door }: Opening): Promise<FamilyChain> {
    if (familyOf(source) === 4) return this.#v4;
    const { v6, lacks } = await this.#known();
    if (v6 !== null) return v6;
    throw new KnocktailError(`cannot open for IPv6: ${lacks}`, {
      exitCode: EXIT.UNAVAILABLE,
      where: door,
      value: source,
    });
  }
}

/** xt_time serves both families or none, so one is asked. */
function triesTime(chain: FamilyChain): Promise<boolean> {
  const sample = ['-m', 'comment', '--comment', 'knocktail', '-j', 'RETURN'];
  return chain.prefers(['-m', 'time', '--datestop', '2038-01-01T00:00:00', ...sample], sample);
}
