/** Finds near misses: clients that were one step short, touched a trap, swept ports, or never finish. */

import type { Address, Decision, Micros } from '../model.ts';
import { US_PER_SECOND } from '../model.ts';

export type NearMissKind = 'one step short' | 'trap' | 'port sweep' | 'unfinished';

export interface NearMiss {
  readonly kind: NearMissKind;
  /** The host that logged it, as its lines name it; empty where they name none. */
  readonly host: string;
  readonly source: Address;
  /** Null where it is no matter of one door. */
  readonly door: string | null;
  /** Steps taken, and in the sequence; 0 where it is no matter of steps. */
  readonly stage: number;
  readonly of: number;
}

/** So many attempts of one source within this time that opened nothing make a near miss. */
export const UNFINISHED = 5;
export const WINDOW_MINUTES = 10;
const WINDOW_US = WINDOW_MINUTES * 60 * US_PER_SECOND;
/** In a sequence of two, who has taken all steps but one has knocked at a single port. */
const FEWEST_STEPS = 2;
const CAPACITY = 65_536;
const NONE: readonly NearMiss[] = [];

interface Past {
  failures: number;
  /** When the first of those was. */
  since: Micros;
  sweptAt: Micros;
  openedAt: Micros;
}

/**
 * Knows a bounded number of sources; whoever comes with more of them makes it forget. A source that has opened a door
 * is not told of for a while: the knock at one door may be all but the end of another's.
 */
export class NearMisses {
  readonly #capacity: number;
  /** Two generations: when the younger is full, it takes the place of the older. */
  #young = new Map<string, Past>();
  #old = new Map<string, Past>();

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** @param decisions all those of one packet, or of one moment */
  among(decisions: readonly Decision[]): readonly NearMiss[] {
    let misses: NearMiss[] | null = null;
    for (const decision of decisions)
      if (decision.event === 'open') this.#opened(keyOf(decision), decision.time);
    let failed: Set<string> | null = null;
    for (const decision of decisions) {
      const { event, host, source, door, stage, of, time, why } = decision;
      if (event === 'trap') {
        misses ??= [];
        misses.push({ kind: 'trap', host, source, door, stage: 0, of: 0 });
      }
      if (event !== 'reset' && event !== 'timeout') continue;
      const client = keyOf(decision);
      if (this.#hasOpened(client, time)) continue;
      const isShort = stage === of - 1 && stage >= FEWEST_STEPS && (why === null || why === 'wrong packet');
      if (isShort) {
        misses ??= [];
        misses.push({ kind: 'one step short', host, source, door, stage, of });
      }
      // One packet may end attempts at several doors.
      failed ??= new Set();
      if (failed.has(client)) continue;
      failed.add(client);
      if (!this.#failed(client, time)) continue;
      misses ??= [];
      misses.push(doorless('unfinished', host, source));
    }
    return misses ?? NONE;
  }

  /** A source was seen to sweep at this moment. Null where that was told a short while ago. */
  swept(host: string, source: Address, now: Micros): NearMiss | null {
    const record = this.#recordOf(keyOf({ host, source }));
    if (isShortlyAfter(record.sweptAt, now)) return null;
    record.sweptAt = now;
    return doorless('port sweep', host, source);
  }

  #opened(client: string, now: Micros): void {
    const record = this.#recordOf(client);
    record.openedAt = now;
    record.failures = 0;
  }

  #hasOpened(client: string, now: Micros): boolean {
    const record = this.#young.get(client) ?? this.#old.get(client);
    return record !== undefined && isShortlyAfter(record.openedAt, now);
  }

  /** Whether it has now failed often enough to be told of. */
  #failed(client: string, now: Micros): boolean {
    const record = this.#recordOf(client);
    if (record.failures === 0 || !isShortlyAfter(record.since, now)) {
      record.failures = 0;
      record.since = now;
    }
    if (++record.failures < UNFINISHED) return false;
    record.failures = 0;
    return true;
  }

  #recordOf(client: string): Past {
    const known = this.#young.get(client);
    if (known !== undefined) return known;
    const record = this.#old.get(client) ?? {
      failures: 0,
      since: 0,
      sweptAt: Number.NEGATIVE_INFINITY,
      openedAt: Number.NEGATIVE_INFINITY,
    };
    if (this.#young.size >= this.#capacity / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(client, record);
    return record;
  }
}

/** A moment that is far ahead is of a clock that was set back since. */
function isShortlyAfter(moment: Micros, now: Micros): boolean {
  return Math.abs(now - moment) < WINDOW_US;
}

/** A client of a host. Neither a host in a log nor an address holds a space. */
function keyOf({ host, source }: Pick<Decision, 'host' | 'source'>): string {
  return `${host} ${source}`;
}

function doorless(kind: NearMissKind, host: string, source: Address): NearMiss {
  return { kind, host, source, door: null, stage: 0, of: 0 };
}
