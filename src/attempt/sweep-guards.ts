/** Keeps one sweep guard for each host, so that a scan of one host changes nothing at another. */

import { OWN_HOST } from './host-numbers.ts';
import { SweepGuard } from './sweep.ts';

/** Guards beside that of this machine: each takes a megabyte. */
const OTHERS = 32;

export class SweepGuards {
  readonly #limit: number;
  readonly #capacity: number;
  readonly #own: SweepGuard;
  readonly #others = new Map<number, SweepGuard>();
  /** Most lines are of the host of the line before. */
  #last: { readonly host: number; readonly guard: SweepGuard };

  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#capacity = capacity;
    this.#own = new SweepGuard(limit, capacity);
    this.#last = { host: OWN_HOST, guard: this.#own };
  }

  of(host: number): SweepGuard {
    if (host === this.#last.host) return this.#last.guard;
    if (host === OWN_HOST) return this.#own;
    const known = this.#others.get(host);
    const guard = known ?? new SweepGuard(this.#limit, this.#capacity);
    // A map keeps the order in which keys were set, so the first is the one that was unused for longest.
    this.#others.delete(host);
    this.#others.set(host, guard);
    if (this.#others.size > OTHERS) {
      const [oldest] = this.#others.keys();
      if (oldest !== undefined) this.#others.delete(oldest);
    }
    this.#last = { host, guard };
    return guard;
  }
}
