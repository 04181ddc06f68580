/** Inserts and removes openings as rules of the chain KNOCKD, through iptables and ip6tables. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { EXIT, KnocktailError } from '../errors.ts';
import { familyOf } from '../lib/address.ts';
import type { Ensured, Family, Firewall, Opening, Refused } from '../model.ts';
import { settle } from './backend.ts';
import { type Binaries, findBinaries } from './binary.ts';
import { lockChains } from './chains-lock.ts';
import { FamilyChain } from './family.ts';
import { type Answer, type Failure, Iptables } from './iptables.ts';
import { splitWords } from './listing.ts';
import type { ChainSettings } from './place.ts';
import { readRule, ruleSpec } from './rule.ts';

export interface IptablesSettings extends ChainSettings {
  /** `auto`, `nft`, `legacy`, or the absolute path of an iptables. */
  readonly iptables: string;
  /** How long one iptables may take; 20 s where it is left out. */
  readonly timeLimitMs?: number;
}

/** Rules that are read at once; others then have their turn, as thousands take some hundred milliseconds. */
const READ_AT_ONCE = 200;

/** What the programs are for, and what is worth telling of their choice. */
interface Programs {
  readonly v4: FamilyChain;
  readonly v6: FamilyChain | null;
  readonly told: readonly string[];
}

/** The families this kernel filters; `lacks` says why IPv6 is not among them. */
interface Families extends Programs {
  readonly lacks: string | null;
}

/** Any local user could keep the lock, so a door does not wait for it longer than this. */
const LOCK_MS = 5_000;

export class IptablesFirewall implements Firewall {
  readonly isDry = false;
  readonly #settings: IptablesSettings;
  readonly #found: Binaries;
  #programs: Promise<Programs> | null = null;
  #families: Promise<Families> | null = null;
  #ensuring: Promise<Ensured> | null = null;
  #hasTime: boolean | null = null;

  /** @throws KnocktailError 69 when there is no iptables */
  constructor(settings: IptablesSettings) {
    this.#found = findBinaries(settings.iptables, searchPath());
    this.#settings = settings;
  }

  /** Whether the kernel ends rules by itself. Assumed until `ensure` has found out. */
  get hasTime(): boolean {
    return this.#hasTime ?? true;
  }

  /** Calls that overlap share one run: two at once would each make the jump. */
  ensure(): Promise<Ensured> {
    this.#ensuring ??= this.#ensure().finally(() => {
      this.#ensuring = null;
    });
    return this.#ensuring;
  }

  async intact(): Promise<boolean> {
    const { v4, v6 } = await this.#known();
    // One after the other: to start a program holds up all else for some milliseconds.
    return (await v4.place.intact()) && ((await v6?.place.intact()) ?? true);
  }

  async list(): Promise<readonly Opening[]> {
    const { v4, v6 } = await this.#known();
    const lines = [...(await v4.rules()), ...((await v6?.rules()) ?? [])];
    const openings: Opening[] = [];
    for (const [at, line] of lines.entries()) {
      if (at % READ_AT_ONCE === READ_AT_ONCE - 1) await nextTurn();
      const opening = readRule(splitWords(line));
      if (opening !== null) openings.push(opening);
    }
    return openings;
  }

  async has(opening: Opening): Promise<boolean> {
    const chain = await this.#chainOf(familyOf(opening.source));
    return chain instanceof FamilyChain && chain.has(ruleSpec(opening, this.hasTime));
  }

  async insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const failures = await this.#failures(openings, (chain, own) =>
      chain.insert(own.map((opening) => ruleSpec(opening, this.hasTime))),
    );
    const refused = ({ error, refusal }: Failure): Refused => {
      if (refusal === 'missing' && this.#settings.manage) return { error, why: 'no chain' };
      return { error, why: refusal === 'no answer' ? refusal : 'other' };
    };
    return new Map([...failures].map(([opening, failure]) => [opening, refused(failure)]));
  }

  async prepareRemoval(): Promise<number> {
    const { v4, v6 } = await this.#known();
    return Math.min(await v4.prepareRemoval(), (await v6?.prepareRemoval()) ?? Number.POSITIVE_INFINITY);
  }

  /** Looks for both forms of each rule: it may have been made where xt_time was, or was not, to be had. */
  async remove(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Error | null>> {
    const formsOf = (opening: Opening): readonly (readonly string[])[] => {
      const form = ruleSpec(opening, this.hasTime);
      return opening.until === null ? [form] : [form, ruleSpec(opening, !this.hasTime)];
    };
    const failures = await this.#failures(openings, (chain, own) => chain.remove(own.map(formsOf)));
    return new Map(
      [...failures].map(([opening, { error, refusal }]) => [opening, refusal === 'missing' ? null : error]),
    );
  }

  async close(): Promise<void> {
    const { v4, v6 } = (await this.#programs) ?? { v4: null, v6: null };
    await Promise.all([v4?.close(), v6?.close()]);
  }

  async #ensure(): Promise<Ensured> {
    const lock = await lockChains(LOCK_MS);
    try {
      const { told, rebuilt } = await this.#make();
      return { told: lock.keptBy === null ? told : [withoutLock(lock.keptBy), ...told], rebuilt };
    } finally {
      lock.release();
    }
  }

  async #make(): Promise<Ensured> {
    const { v4, v6, lacks, told: chosen } = await this.#known();
    // Before anything is made: a kernel that takes no such rule is to be left as it was.
    const hasTime = this.#hasTime ?? (await triesTime(v4));
    const found = [await v4.place.ensure(), ...(v6 === null ? [] : [await v6.place.ensure()])];
    const told = found.flatMap((family) => family.told);
    if (this.#hasTime === null) {
      told.push(...chosen);
      if (lacks !== null) told.push(`${lacks}; doors open for IPv4 alone`);
      this.#hasTime = hasTime;
      if (!hasTime)
        told.push('no xt_time in this kernel: a door shuts by timer alone, not if the daemon dies');
      told.push(...(await v4.ready()), ...((await v6?.ready()) ?? []));
    }
    return { told, rebuilt: found.some(({ rebuilt }) => rebuilt) };
  }

  /** Acts in both families at a time, in each for its own openings. */
  async #failures(
    openings: readonly Opening[],
    act: (chain: FamilyChain, own: readonly Opening[]) => Promise<readonly Answer[]>,
  ): Promise<ReadonlyMap<Opening, Failure>> {
    const failures = new Map<Opening, Failure>();
    const part = async (family: Family): Promise<void> => {
      const own = openings.filter(({ source }) => familyOf(source) === family);
      if (own.length === 0) return;
      const chain = await this.#chainOf(family);
      const answers = chain instanceof FamilyChain ? await act(chain, own) : own.map(() => chain);
      for (const [at, opening] of own.entries()) {
        const answer = answers[at];
        if (answer?.done === false) failures.set(opening, answer);
      }
    };
    await Promise.all([part(4), part(6)]);
    return failures;
  }

  #known(): Promise<Families> {
    this.#families ??= this.#findFamilies().catch((error: unknown) => {
      this.#families = null;
      throw error;
    });
    return this.#families;
  }

  async #findFamilies(): Promise<Families> {
    const programs = await this.#settled();
    const hopeless = await programs.v4.trouble();
    if (hopeless !== null) throw hopeless;
    if (programs.v6 === null) return { ...programs, lacks: 'there is no ip6tables' };
    const trouble = await programs.v6.trouble();
    return trouble === null
      ? { ...programs, lacks: null }
      : { ...programs, v6: null, lacks: trouble.message };
  }

  #settled(): Promise<Programs> {
    this.#programs ??= this.#settle();
    return this.#programs;
  }

  async #settle(): Promise<Programs> {
    const settings = this.#settings;
    const { v4, v6, told } = await settle(this.#found, settings.iptables, searchPath(), settings.chain);
    const program = (path: string) => new Iptables(path, settings.timeLimitMs);
    return {
      v4: new FamilyChain(program(v4), settings, 4),
      v6: v6 === null ? null : new FamilyChain(program(v6), settings, 6),
      told,
    };
  }

  /** The chain of a family, or the answer to all that is asked of the one that there is not. */
  async #chainOf(family: Family): Promise<FamilyChain | Failure> {
    if (family === 4) return (await this.#settled()).v4;
    const { v6, lacks } = await this.#known();
    if (v6 !== null) return v6;
    const error = new KnocktailError(`cannot open for IPv6: ${lacks}`, { exitCode: EXIT.UNAVAILABLE });
    return { done: false, refusal: 'no family', error };
  }
}

function withoutLock(owner: string): string {
  return `${owner} has been changing the firewall for more than ${LOCK_MS / 1000} s; continuing without waiting for it`;
}

function searchPath(): string {
  return process.env['PATH'] ?? '';
}

/** xt_time serves both families or none, so one is asked. */
function triesTime(chain: FamilyChain): Promise<boolean> {
  const sample = ['-m', 'comment', '--comment', 'knocktail', '-j', 'RETURN'];
  return chain.prefers(['-m', 'time', '--datestop', '2038-01-01T00:00:00', ...sample], sample);
}
