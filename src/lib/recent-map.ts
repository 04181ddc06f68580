/** A map in bounded memory that forgets what has not been used for longest. */

/**
 * Keeps at least the `capacity` entries that were used last, and at most twice as many. Two generations: when the younger is
 * full, it takes the place of the older, so that a use costs a look-up and moves nothing.
 */
export class RecentMap<Key, Value> {
  readonly #capacity: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Looks without using. */
  peek(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#capacity && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  keys(): Key[] {
    return [...new Set([...this.#old.keys(), ...this.#young.keys()])];
  }
}
