/** A chain or a jump that has gone -> made again, with all that is open. */

import { type Firewall, type Opening, type Refused, US_PER_SECOND } from '../model.ts';
import type { CommandsParts } from './commands.ts';
import { idOf, type Leases } from './lease.ts';

export interface MenderParts extends Pick<CommandsParts, 'now' | 'log'> {
  readonly firewall: () => Firewall;
  readonly leases: Leases;
}

export class Mender {
  readonly #parts: MenderParts;
  /** What was told last, so that what cannot be mended is not told each time. */
  #told = '';

  constructor(parts: MenderParts) {
    this.#parts = parts;
  }

  /**
   * Makes the chain and its jumps in a firewall that nothing is open in yet.
   *
   * @throws KnocktailError when it cannot be had
   */
  async make(firewall: Firewall): Promise<void> {
    this.#tellOnce((await firewall.ensure()).told, this.#parts.log.info);
  }

  /** Puts openings into the chain. Where that has gone, it is made first. Resolves to those that were refused. */
  async insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    if (openings.length === 0) return new Map();
    const refused = await this.#parts.firewall().insert(openings);
    const homeless = openings.filter((opening) => refused.get(opening)?.isChainMissing === true);
    if (homeless.length === 0) return refused;
    const others = [...refused].filter(([, { isChainMissing }]) => !isChainMissing);
    const left = await this.#mend(homeless).catch((error: unknown) => refusedFor(homeless, error));
    return new Map([...others, ...left]);
  }

  /** Sees to it that the chain stands where it has to. What cannot be mended is told. */
  async check(): Promise<void> {
    try {
      await this.#mend([]);
    } catch (error) {
      this.#tellOnce([asError(error).message], this.#parts.log.error);
    }
  }

  /**
   * Where the chain or a jump has gone, all that is open goes into the chain again. Where both stand, what the chain
   * has no more was taken out by somebody, and stays out.
   *
   * @param homeless openings that did not find the chain
   */
  async #mend(homeless: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const { log, leases } = this.#parts;
    const { told, rebuilt } = await this.#parts.firewall().ensure();
    if (rebuilt) this.#told = '';
    this.#tellOnce(told, log.warn);
    const gone = await this.#gone();
    const isLost = rebuilt || homeless.length > 0;
    if (!isLost) {
      leases.forget(gone);
      if (gone.length > 0) log.info(`openings that somebody has taken out of the chain: ${gone.length}`);
      return new Map();
    }
    const anew = new Set(homeless);
    const back = gone.filter((opening) => !anew.has(opening));
    const refused = await this.#parts.firewall().insert([...back, ...homeless]);
    const failures = back.map((opening) => refused.get(opening)).filter((each) => each !== undefined);
    if (back.length > failures.length) log.warn(`openings put back: ${back.length - failures.length}`);
    const [first] = failures;
    if (first !== undefined) log.error(`openings not put back: ${failures.length}: ${first.error.message}`);
    return refused;
  }

  /** What is open, and yet not in the chain. */
  async #gone(): Promise<readonly Opening[]> {
    const standing = new Set((await this.#parts.firewall().list()).map(idOf));
    const now = this.#parts.now();
    const isOpen = ({ until }: Opening): boolean => until === null || until * US_PER_SECOND > now;
    return this.#parts.leases.all().filter((opening) => isOpen(opening) && !standing.has(idOf(opening)));
  }

  #tellOnce(texts: readonly string[], tell: (text: string) => void): void {
    const told = texts.join('\n');
    if (told !== this.#told) for (const text of texts) tell(text);
    this.#told = told;
  }
}

function refusedFor(openings: readonly Opening[], thrown: unknown): ReadonlyMap<Opening, Refused> {
  const error = asError(thrown);
  return new Map(openings.map((opening) => [opening, { error, isChainMissing: true }]));
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
