/** Counts the most frequent items in bounded memory. */

/** One thing and its count; it came `atMost` times where the count may be too low. */
export interface Counted<K> {
  readonly key: K;
  readonly packets: number;
  readonly atMost: number;
}

/** The most frequent, and what there is to know of the others. */
export interface Ranking<K> {
  readonly rows: readonly Counted<K>[];
  /** How many different things came; at least so many where `isExact` is false. */
  readonly distinct: number;
  readonly isExact: boolean;
}

/**
 * Exact up to `capacity` different things. When one more comes, the median of all counts is taken off each, and those
 * that have nothing left are forgotten. So a count is never too high, and too low by `2n / capacity` at most, n being
 * how much was counted: what is frequent is never lost (Anderson et al., "A High-Performance Algorithm for Identifying
 * Frequent Items in Data Streams", 2017).
 */
export class FrequentItems<K> {
  readonly #capacity: number;
  readonly #counts = new Map<K, number>();
  /** How much each count may be too low by. */
  #taken = 0;
  #most = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: K): void {
    const count = this.#counts.get(key);
    if (count === undefined && this.#counts.size === this.#capacity) this.#makeRoom();
    this.#counts.set(key, (count ?? 0) + 1);
  }

  /** The first by count; those of the same count in the order in which they came. */
  top(limit: number): Ranking<K> {
    const sorted = [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, limit);
    return {
      rows: sorted.map(([key, packets]) => ({ key, packets, atMost: packets + this.#taken })),
      distinct: Math.max(this.#most, this.#counts.size),
      isExact: this.#taken === 0,
    };
  }

  #makeRoom(): void {
    this.#most = this.#counts.size;
    const counts = Float64Array.from(this.#counts.values()).sort();
    const median = counts[counts.length >> 1] ?? 0;
    this.#taken += median;
    for (const [key, count] of this.#counts) {
      if (count > median) this.#counts.set(key, count - median);
      else this.#counts.delete(key);
    }
  }
}
