/** Logs decisions and near misses, within limits, and counts them. */

import type { Decision, Micros, Sweep } from '../model.ts';
import type { Counts } from './counts.ts';
import { DecisionTally } from './decision-counts.ts';
import type { Facts, Log } from './log.ts';
import { describeNearMiss, type Messages } from './messages.ts';
import { type NearMiss, NearMisses } from './near-misses.ts';
import { DecisionLimiter, RateLimiter } from './rate-limiter.ts';

export interface EventLoggerParts {
  readonly log: Pick<Log, 'debug' | 'info'>;
  readonly words: () => Messages;
  /** Whether near misses are told in lines of their own. They are counted anyway. */
  readonly logsNearMisses: () => boolean;
}

export class EventLogger {
  readonly #parts: EventLoggerParts;
  readonly #limiter = new DecisionLimiter();
  readonly #tally = new DecisionTally();
  readonly #nearMisses = new NearMisses();
  readonly #nearMissLimiter = new RateLimiter();
  readonly #missed = { 'one step short': 0, trap: 0, 'port sweep': 0, unfinished: 0 };

  constructor(parts: EventLoggerParts) {
    this.#parts = parts;
  }

  /** @param decisions all those of one packet, or of one moment */
  decided(decisions: readonly Decision[], now: Micros): void {
    const { log, words } = this.#parts;
    for (const decision of decisions) {
      this.#tally.count(decision);
      const said = this.#limiter.tells(decision, now) ? words().decision(decision) : null;
      if (said !== null) log[words().decisionLevel](said, factsOf(decision));
    }
    for (const miss of this.#nearMisses.among(decisions)) this.#missedBy(miss, now);
  }

  swept({ host, source }: Sweep, now: Micros): void {
    const miss = this.#nearMisses.swept(host, source, now);
    if (miss !== null) this.#missedBy(miss, now);
  }

  /** Tells how much was not told, when that is due. */
  passed(now: Micros): void {
    const { log, words } = this.#parts;
    const untold = this.#limiter.report(now);
    if (untold !== null) log[words().decisionLevel](untold);
    const misses = this.#nearMissLimiter.untold(now);
    if (misses > 0) log.info(`${misses} more near misses are not told`);
  }

  counts(doors: readonly string[]): Pick<Counts, 'decisions' | 'nearMisses'> {
    return { decisions: this.#tally.of(doors), nearMisses: this.#missed };
  }

  #missedBy(miss: NearMiss, now: Micros): void {
    this.#missed[miss.kind]++;
    if (!this.#parts.logsNearMisses() || !this.#nearMissLimiter.passes(now)) return;
    const { kind, host, source, door } = miss;
    const where = host === '' ? {} : { host };
    const facts: Facts = { event: 'near miss', kind, ...where, source, ...(door === null ? {} : { door }) };
    this.#parts.log.info(describeNearMiss(miss), facts);
  }
}

function factsOf({ event, door, host, source, stage, of, why }: Decision): Facts {
  return {
    event,
    door,
    ...(host === '' ? {} : { host }),
    source,
    stage,
    of,
    ...(why === null ? {} : { why }),
  };
}
