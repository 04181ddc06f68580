/** Counts how often each door opened, and how often it nearly did. */

import type { Decision, Micros } from '../../model.ts';

export interface DoorKnocks {
  readonly door: string;
  readonly openings: number;
  /** Attempts that had taken half of the steps or more when a wrong packet, a sweep, a trap or time ended them. */
  readonly nearMisses: number;
  /** How often a source touched a trap of the door. */
  readonly traps: number;
  readonly lastOpening: Micros | null;
}

type Draft = { -readonly [Key in keyof DoorKnocks]: DoorKnocks[Key] };

export class Knocks {
  readonly #doors: ReadonlyMap<string, Draft>;

  constructor(doors: readonly string[]) {
    const none = { openings: 0, nearMisses: 0, traps: 0, lastOpening: null };
    this.#doors = new Map(doors.map((door) => [door, { door, ...none }]));
  }

  add(decisions: readonly Decision[]): void {
    for (const { door, event, stage, of, time } of decisions) {
      const draft = this.#doors.get(door);
      if (draft === undefined) continue;
      if (event === 'open') {
        draft.openings++;
        draft.lastOpening = time;
      } else if (event === 'trap') draft.traps++;
      else if (event !== 'stage' && stage * 2 >= of) draft.nearMisses++;
    }
  }

  /** In the order of the configuration. */
  read(): readonly DoorKnocks[] {
    return [...this.#doors.values()];
  }
}
