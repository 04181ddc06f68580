/** Openings that have ended -> their rules taken away, again and again where they resist. */

import type { Firewall, Opening } from '../model.ts';
import { endOf } from '../words.ts';
import type { CommandsParts } from './commands.ts';

export interface CloserParts {
  readonly firewall: () => Firewall;
  readonly log: CommandsParts['log'];
  /** Takes work for when it is its turn, after others that wait for the firewall. */
  readonly again: (work: () => Promise<void>) => void;
}

/** Between the attempts, doubling. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Without xt_time nothing else would end a rule that could not be removed at its time. */
export class Closer {
  readonly #parts: CloserParts;

  constructor(parts: CloserParts) {
    this.#parts = parts;
  }

  /** Resolves to those that stand no more; the others are tried again later. */
  async close(openings: readonly Opening[], retryMs = FIRST_RETRY_MS): Promise<readonly Opening[]> {
    if (openings.length === 0) return [];
    const { firewall, log, again } = this.#parts;
    const failed = new Set<Opening>();
    for (const [opening, error] of await firewall().remove(openings)) {
      if (error === null) continue;
      const { door, source } = opening;
      log.error(`${door}: ${endOf(opening)} was not closed for ${source}: ${error.message}`, {
        door,
        source,
      });
      failed.add(opening);
    }
    const work = async (): Promise<void> => {
      await this.close([...failed], Math.min(retryMs * 2, LONGEST_RETRY_MS));
    };
    if (failed.size > 0) setTimeout(again, retryMs, work).unref();
    return openings.filter((opening) => !failed.has(opening));
  }
}
