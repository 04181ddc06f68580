/** Openings that have ended -> their rules taken away, again and again where they resist. */

import type { Firewall, Opening } from '../model.ts';
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

  /** Resolves to false when it could not be removed; it is then tried again later. */
  async close(opening: Opening, retryMs = FIRST_RETRY_MS): Promise<boolean> {
    const { firewall, log, again } = this.#parts;
    try {
      await firewall().remove(opening);
      return true;
    } catch (error) {
      const { door, source, port, proto } = opening;
      const reason = error instanceof Error ? error.message : String(error);
      log.error(`${source}: ${door}: ${port}/${proto} was not closed: ${reason}`);
      const work = async (): Promise<void> => {
        await this.close(opening, Math.min(retryMs * 2, LONGEST_RETRY_MS));
      };
      setTimeout(again, retryMs, work).unref();
      return false;
    }
  }
}
