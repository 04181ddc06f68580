/** Decides which openings to insert into the firewall and which to remove. Pure. */

import { type Address, type Micros, type Opening, type Port, US_PER_SECOND } from '../model.ts';
import { type Ending, ExpiryHeap } from './expiry-heap.ts';

export interface Grant {
  readonly door: string;
  readonly source: Address;
  readonly proto: 'tcp' | 'udp';
  readonly port: Port;
  readonly to: Address | null;
  /** How long, in microseconds; null for no end. */
  readonly forUs: number | null;
}

/** What to do to the firewall, in the order given. A `remove` of a rule that is not there is no failure. */
export type LeaseChange =
  | { readonly kind: 'insert'; readonly opening: Opening }
  | { readonly kind: 'remove'; readonly opening: Opening };

/** Ends that are kept for nothing before they are tidied. */
const SPARE_ENDS = 1_000;

/**
 * One opening for each door and source, and its end.
 *
 * Does nothing by itself: call `expire` at `nextDeadline`; a call too early or too often is harmless.
 */
export class Leases {
  readonly #held = new Map<string, Opening>();
  /** Those held, and some that are held no more: they are passed over when their end has come. */
  readonly #ends = new ExpiryHeap();

  /**
   * Opens a door to a source, or lets an open one end later; never sooner. The longer rule goes in before the
   * shorter one goes out, so the door does not shut in between.
   */
  grant({ door, source, proto, port, to, forUs }: Grant, now: Micros): readonly LeaseChange[] {
    const until = forUs === null ? null : Math.ceil((now + forUs) / US_PER_SECOND);
    const opening: Opening = { door, source, proto, port, to, until };
    const held = this.#held.get(keyOf(door, source));
    if (held === undefined) return this.#hold(opening);
    if (sameRule(held, opening) && endOf(held) >= endOf(opening)) return [];
    return [...this.#hold(opening), { kind: 'remove', opening: held }];
  }

  held(door: string, source: Address): Opening | null {
    return this.#held.get(keyOf(door, source)) ?? null;
  }

  all(): readonly Opening[] {
    return [...this.#held.values()];
  }

  /** Takes the opening away; without one there is nothing to do. */
  revoke(door: string, source: Address): readonly LeaseChange[] {
    const held = this.#held.get(keyOf(door, source));
    return held === undefined ? [] : this.#drop(held);
  }

  /**
   * Takes over what stands in the firewall in place of what was held. Of two openings for one door and source
   * the later stays.
   */
  adopt(openings: readonly Opening[], now: Micros): readonly LeaseChange[] {
    this.#held.clear();
    this.#ends.clear();
    const changes: LeaseChange[] = [];
    // The last rule of the chain is the oldest, and is held as if it were.
    for (const opening of openings.toReversed()) {
      const held = this.#held.get(keyOf(opening.door, opening.source));
      const isKept = endOf(opening) > now && (held === undefined || endOf(opening) > endOf(held));
      const loser = isKept ? held : opening;
      if (isKept) this.#hold(opening);
      if (loser !== undefined) changes.push({ kind: 'remove', opening: loser });
    }
    return changes.reverse();
  }

  /**
   * Takes back a grant whose insert has failed: none of its changes came about, so what it would have replaced
   * still stands.
   *
   * @returns what is left to do, when a later grant has already taken the place of this one
   */
  undo(changes: readonly LeaseChange[]): readonly LeaseChange[] {
    const granted = changes.find(({ kind }) => kind === 'insert')?.opening;
    const removals = changes.filter(({ kind }) => kind === 'remove');
    if (granted === undefined) return [];
    const key = keyOf(granted.door, granted.source);
    if (this.#held.get(key) !== granted) return removals;
    this.#held.delete(key);
    for (const { opening } of removals) this.#hold(opening);
    return [];
  }

  /** The clock was set by so much: all that is open keeps the time that it has left. */
  shift(byUs: Micros): readonly LeaseChange[] {
    const before = this.all().filter(({ until }) => until !== null);
    const after = before.map((opening) => ({
      ...opening,
      until: Math.ceil((endOf(opening) + byUs) / US_PER_SECOND),
    }));
    return [
      ...after.flatMap((opening) => this.#hold(opening)),
      ...before.map((opening) => ({ kind: 'remove' as const, opening })),
    ];
  }

  /** Somebody else has taken these away. */
  forget(openings: readonly Opening[]): void {
    for (const opening of openings) if (this.#holds(opening)) this.#drop(opening);
  }

  /** When `expire` has something to do next; null for never. */
  nextDeadline(): Micros | null {
    return this.#next()?.end ?? null;
  }

  /** Ends what has come to its end, the newest first: that is the order of the rules in the chain. */
  expire(now: Micros): readonly LeaseChange[] {
    const ended = new Set<Opening>();
    for (let first = this.#ends.first(); first !== null && first.end <= now; first = this.#ends.first()) {
      if (this.#holds(first.opening)) ended.add(first.opening);
      this.#ends.dropFirst();
    }
    const inOrder = ended.size > 1 ? this.all().filter((opening) => ended.has(opening)) : [...ended];
    return inOrder.reverse().flatMap((opening) => this.#drop(opening));
  }

  #next(): Ending | null {
    for (;;) {
      const first = this.#ends.first();
      if (first === null || this.#holds(first.opening)) return first;
      this.#ends.dropFirst();
    }
  }

  #holds(opening: Opening): boolean {
    return this.#held.get(keyOf(opening.door, opening.source)) === opening;
  }

  #hold(opening: Opening): readonly LeaseChange[] {
    const key = keyOf(opening.door, opening.source);
    // Its rule goes to the head of the chain, so it becomes the newest.
    this.#held.delete(key);
    this.#held.set(key, opening);
    if (opening.until !== null) this.#ends.add({ opening, end: endOf(opening) });
    if (this.#ends.size > 2 * this.#held.size + SPARE_ENDS) this.#tidyEnds();
    return [{ kind: 'insert', opening }];
  }

  /** Openings that are extended again and again leave their former ends behind. */
  #tidyEnds(): void {
    this.#ends.clear();
    for (const opening of this.#held.values()) {
      if (opening.until !== null) this.#ends.add({ opening, end: endOf(opening) });
    }
  }

  #drop(opening: Opening): readonly LeaseChange[] {
    this.#held.delete(keyOf(opening.door, opening.source));
    return [{ kind: 'remove', opening }];
  }
}

/** The same for openings that are the same, and only for those. */
export function idOf({ door, source, proto, port, to, until }: Opening): string {
  return [door, source, proto, port, to, until].join(' ');
}

function sameRule(a: Grant | Opening, b: Grant | Opening): boolean {
  return a.proto === b.proto && a.port === b.port && a.to === b.to;
}

/** An address holds no space, so that the last one parts the two. */
export function keyOf(door: string, source: Address): string {
  return `${door} ${source}`;
}

function endOf({ until }: Opening): number {
  return until === null ? Number.POSITIVE_INFINITY : until * US_PER_SECOND;
}
