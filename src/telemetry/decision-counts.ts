/** Counts decisions by door. */

import type { Decision } from '../model.ts';
import type { DecisionCounts } from './counts.ts';

const NONE: DecisionCounts = { stage: 0, open: 0, reset: 0, timeout: 0, trap: 0 };

export class DecisionTally {
  readonly #byDoor = new Map<string, Record<Decision['event'], number>>();

  count({ door, event }: Pick<Decision, 'door' | 'event'>): void {
    const counts = this.#byDoor.get(door) ?? { ...NONE };
    counts[event]++;
    this.#byDoor.set(door, counts);
  }

  /** Those of these doors, also where there were none. */
  of(doors: readonly string[]): ReadonlyMap<string, DecisionCounts> {
    return new Map(doors.map((door) => [door, { ...(this.#byDoor.get(door) ?? NONE) }]));
  }
}
