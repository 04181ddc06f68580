/** Packets to ports of no door -> since when a source has been sweeping. */

import type { Address, Micros } from '../model.ts';

interface Strays {
  /** Distinct ports, the one touched longest ago first; never more than the guard needs to know. */
  readonly ports: number[];
  readonly times: Micros[];
}

/** Remembers, for a bounded number of sources, the last few distinct ports that belong to no door. */
export class SweepGuard {
  readonly #limit: number;
  readonly #capacity: number;
  readonly #straysOf = new Map<Address, Strays>();

  /** `limit`: ports that may be touched without harm; 0 turns the guard off. */
  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#capacity = capacity;
  }

  stray(source: Address, port: number, now: Micros): void {
    if (this.#limit === 0) return;
    const strays = this.#touch(source);
    const known = strays.ports.indexOf(port);
    if (known >= 0) {
      strays.ports.splice(known, 1);
      strays.times.splice(known, 1);
    }
    strays.ports.push(port);
    strays.times.push(now);
    if (strays.ports.length > this.#limit + 1) {
      strays.ports.shift();
      strays.times.shift();
    }
  }

  /** Whether a source has touched more ports than the limit in the last `windowUs`. */
  sweeping(source: Address, now: Micros, windowUs: number): boolean {
    const strays = this.#straysOf.get(source);
    const oldest = strays?.times[0];
    return oldest !== undefined && strays?.times.length === this.#limit + 1 && now - oldest < windowUs;
  }

  /** Moves a source to the young end of the table, and drops the oldest where there is no room. */
  #touch(source: Address): Strays {
    const strays = this.#straysOf.get(source) ?? { ports: [], times: [] };
    this.#straysOf.delete(source);
    this.#straysOf.set(source, strays);
    if (this.#straysOf.size > this.#capacity) {
      for (const oldest of this.#straysOf.keys()) {
        this.#straysOf.delete(oldest);
        break;
      }
    }
    return strays;
  }
}
