/** Removes the rules of openings that are over, and tries again where that fails. */

import type { Firewall, Opening } from '../model.ts';
import type { Log } from '../telemetry/log.ts';
import { endOf } from '../telemetry/messages.ts';

export interface RemovalRetryParts {
  readonly firewall: () => Firewall;
  readonly log: Log;
  /** Takes work for when it is its turn, after others that wait for the firewall. */
  readonly again: (work: () => Promise<void>) => void;
}

/** Between the attempts, doubling. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Without xt_time nothing else would end a rule that could not be removed at its time. */
export class RemovalRetry {
  readonly #parts: RemovalRetryParts;

  constructor(parts: RemovalRetryParts) {
    this.#parts = parts;
  }

  /** Resolves to those that stand no more; the others are tried again later. */
  async close(openings: readonly Opening[], retryMs = FIRST_RETRY_MS): Promise<readonly Opening[]> {
    if (openings.length === 0) return [];
    const { firewall, log, again } = this.#parts;
    const failed = new Set<Opening>();
    const byReason = new Map<string, Opening[]>();
    for (const [opening, error] of await firewall().remove(openings)) {
      if (error === null) continue;
      failed.add(opening);
      const same = byReason.get(error.message);
      if (same === undefined) byReason.set(error.message, [opening]);
      else same.push(opening);
    }
    for (const [reason, [first, ...others]] of byReason) {
      if (first === undefined) continue;
      const { door, source } = first;
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      log.error(`${door}: ${endOf(first)} was not closed for ${source}${more}: ${reason}`, { door, source });
    }
    const work = async (): Promise<void> => {
      await this.close([...failed], Math.min(retryMs * 2, LONGEST_RETRY_MS));
    };
    if (failed.size > 0) setTimeout(again, retryMs, work).unref();
    return openings.filter((opening) => !failed.has(opening));
  }
}
