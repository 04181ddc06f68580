/** Decisions -> the attempts that run, and those that have run out, as the engine has told of them. */

import type { Address, Decision, Micros, Sequence } from '../model.ts';

export interface Attempt {
  readonly sequence: Sequence;
  readonly stage: number;
  /** When the first of its steps came that the engine told of. */
  readonly begunAt: Micros;
}

/** An attempt that time has ended. */
export interface Expired {
  readonly sequence: Sequence;
  readonly stage: number;
  readonly at: Micros;
}

/** What is known of a source at a door. */
interface Standing {
  readonly attempt: Attempt | null;
  readonly expired: Expired | null;
}

const NOTHING: Standing = { attempt: null, expired: null };
/** As many as the engine has attempts: of sources beyond that the oldest is forgotten, and explained more poorly. */
const MOST_SOURCES = 65_536;

export class Attempts {
  readonly #sources = new Map<Address, Map<string, Standing>>();

  at(source: Address, door: string): Standing {
    return this.#sources.get(source)?.get(door) ?? NOTHING;
  }

  *running(): Generator<{ readonly source: Address; readonly door: string; readonly attempt: Attempt }> {
    for (const [source, doors] of this.#sources) {
      for (const [door, { attempt }] of doors) if (attempt !== null) yield { source, door, attempt };
    }
  }

  isBusy(source: Address): boolean {
    return [...(this.#sources.get(source)?.values() ?? [])].some(({ attempt }) => attempt !== null);
  }

  /** @param sequence the one that the decision is about */
  note({ event, source, door, stage, time }: Decision, sequence: Sequence): void {
    const begunAt = stage === 1 ? time : (this.at(source, door).attempt?.begunAt ?? time);
    if (event === 'stage') this.#set(source, door, { attempt: { sequence, stage, begunAt }, expired: null });
    else if (event === 'timeout')
      this.#set(source, door, { attempt: null, expired: { sequence, stage, at: time } });
    else this.#set(source, door, NOTHING);
  }

  #set(source: Address, door: string, standing: Standing): void {
    const doors = this.#sources.get(source) ?? new Map<string, Standing>();
    doors.set(door, standing);
    this.#sources.set(source, doors);
    if (this.#sources.size <= MOST_SOURCES) return;
    const [oldest] = this.#sources.keys();
    if (oldest !== undefined) this.#sources.delete(oldest);
  }
}
