/** Restores a chain or a jump that was deleted, with all openings. */

import { type Firewall, type Micros, type Opening, type Refused, US_PER_SECOND } from '../model.ts';
import { idOf, type Leases } from './lease.ts';
import type { RemovalRetryParts } from './removal-retry.ts';

export interface ChainReconcilerParts extends Pick<RemovalRetryParts, 'log' | 'again'> {
  /** The wall clock. */
  readonly now: () => Micros;
  readonly firewall: () => Firewall;
  /** Nothing is to be waited for any more. */
  readonly isEnding: () => boolean;
  readonly leases: Leases;
}

export class ChainReconciler {
  readonly #parts: ChainReconcilerParts;
  /** What was told last, so that what cannot be mended is not told each time. */
  #told = '';

  constructor(parts: ChainReconcilerParts) {
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

  /**
   * Puts openings into the chain. Where that has gone, it is made first; where somebody keeps it locked, the openings
   * wait for as long as they would be open. Resolves to those that were refused.
   */
  async insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const left = new Map<Opening, Refused>();
    for (let waiting = openings; waiting.length > 0; ) {
      const refused = await this.#insert(waiting);
      const isLate = (opening: Opening): boolean => refused.get(opening)?.why === 'no answer';
      waiting = this.#parts.isEnding() ? [] : waiting.filter((each) => isLate(each) && this.#lasts(each));
      for (const each of refused) left.set(...each);
      const [first] = waiting.map((opening) => refused.get(opening)?.error.message);
      if (first !== undefined)
        this.#parts.log.warn(`openings that wait for the firewall: ${waiting.length}: ${first}`);
      for (const opening of waiting) left.delete(opening);
    }
    return left;
  }

  async #insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const refused = await this.#parts.firewall().insert(openings);
    const homeless = openings.filter((opening) => refused.get(opening)?.why === 'no chain');
    if (homeless.length === 0) return refused;
    const others = [...refused].filter(([, { why }]) => why !== 'no chain');
    const left = await this.#mend(homeless).catch((error: unknown) => refusedFor(homeless, error));
    return new Map([...others, ...left]);
  }

  /** Beside all else: whether the chain stands where it has to. Where it does not, that is mended in its turn. */
  async look(): Promise<boolean> {
    // Where it cannot be told at a glance, `check` tells.
    const isIntact = await this.#parts
      .firewall()
      .intact()
      .catch(() => true);
    if (!isIntact) this.#parts.again(() => this.mend());
    return isIntact;
  }

  /**
   * Beside all else: looks, and forgets what the chain has no more though it stands. Somebody has taken that out, and
   * it stays out.
   */
  async check(): Promise<void> {
    const { again, firewall, leases, log } = this.#parts;
    const held = await new Promise<readonly Opening[]>((resolve) => {
      // In its turn no opening is under way, which would be held and not yet stand.
      again(async () => resolve(leases.all()));
    });
    if (!(await this.look()) || held.length === 0) return;
    try {
      const gone = this.#missing(held, await firewall().list());
      if (gone.length === 0) return;
      leases.forget(gone);
      log.info(`openings that somebody has taken out of the chain: ${gone.length}`);
    } catch (error) {
      this.#tellOnce([asError(error).message], log.error);
    }
  }

  /** Makes the chain and its jumps where they are missing, and puts back what is open. What fails is told. */
  async mend(): Promise<void> {
    try {
      await this.#mend([]);
    } catch (error) {
      this.#tellOnce([asError(error).message], this.#parts.log.error);
    }
  }

  /** @param homeless openings that did not find the chain */
  async #mend(homeless: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>> {
    const { log, leases } = this.#parts;
    const firewall = this.#parts.firewall();
    const { told, rebuilt } = await firewall.ensure();
    if (rebuilt) this.#told = '';
    this.#tellOnce(told, log.warn);
    if (!rebuilt && homeless.length === 0) return new Map();
    const anew = new Set(homeless);
    const back = this.#missing(leases.all(), await firewall.list()).filter((opening) => !anew.has(opening));
    const refused = await firewall.insert([...back, ...homeless]);
    const failures = back.map((opening) => refused.get(opening)).filter((each) => each !== undefined);
    if (back.length > failures.length) log.warn(`openings put back: ${back.length - failures.length}`);
    const [first] = failures;
    if (first !== undefined) log.error(`openings not put back: ${failures.length}: ${first.error.message}`);
    return refused;
  }

  /** Those that should stand at this moment, and do not. */
  #missing(held: readonly Opening[], standing: readonly Opening[]): readonly Opening[] {
    const ids = new Set(standing.map(idOf));
    return held.filter((opening) => this.#lasts(opening) && !ids.has(idOf(opening)));
  }

  #lasts({ until }: Opening): boolean {
    return until === null || until * US_PER_SECOND > this.#parts.now();
  }

  #tellOnce(texts: readonly string[], tell: (text: string) => void): void {
    const told = texts.join('\n');
    if (told !== this.#told) for (const text of texts) tell(text);
    this.#told = told;
  }
}

function refusedFor(openings: readonly Opening[], thrown: unknown): ReadonlyMap<Opening, Refused> {
  const error = asError(thrown);
  return new Map(openings.map((opening) => [opening, { error, why: 'no chain' }]));
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
