/** Stop commands that wait for their moment, and which of them are due. */

import type { Address, Micros } from '../model.ts';

export interface PendingStop {
  /** No other has had it, or will. */
  readonly id: string;
  readonly door: string;
  readonly source: Address;
  /** As configured, `%IP%` still in it. */
  readonly command: string;
  /** cmd_timeout: however clocks may have been set, it waits no longer than that once a daemon has it. */
  readonly waitUs: Micros;
  /** By the machine's own clock; while the start command runs, cmd_timeout after that has begun. */
  readonly dueAt: Micros;
  readonly isStarting: boolean;
  /** Runs of it that have failed. */
  readonly failures: number;
}

/** One that another daemon can read. */
export interface SavedStop extends PendingStop {
  /** Where `dueAt` counts from. */
  readonly boot: string | null;
  /** The same moment by the wall clock, which goes on across a boot. */
  readonly dueAtWall: Micros;
}

export interface Clocks {
  readonly boot: string | null;
  readonly now: Micros;
  readonly wall: Micros;
}

export function saved(stop: PendingStop, { boot, now, wall }: Clocks): SavedStop {
  return { ...stop, boot, dueAtWall: wall + stop.dueAt - now };
}

/** Takes over what another daemon has saved: by the machine's clock within a boot, else by the wall clock. */
export function takenOver({ boot, dueAtWall, ...stop }: SavedStop, clocks: Clocks): PendingStop {
  const isSameBoot = boot !== null && boot === clocks.boot;
  const dueAt = isSameBoot ? stop.dueAt : clocks.now + dueAtWall - clocks.wall;
  return {
    ...stop,
    dueAt: Math.min(dueAt, clocks.now + stop.waitUs),
    isStarting: isSameBoot && stop.isStarting,
  };
}

/** What is due leaves the schedule. */
export class StopSchedule {
  readonly #pending = new Map<string, PendingStop>();
  /** The earliest of them; undefined when it has to be looked for. */
  #next: Micros | null | undefined = null;

  get size(): number {
    return this.#pending.size;
  }

  /** Takes the place of one with the same id. */
  add(stop: PendingStop): void {
    if (this.#pending.has(stop.id)) this.#next = undefined;
    else if (this.#next !== undefined) this.#next = Math.min(this.#next ?? stop.dueAt, stop.dueAt);
    this.#pending.set(stop.id, stop);
  }

  /** The first that waits for this door and source. */
  of(door: string, source: Address): PendingStop | null {
    for (const stop of this.#pending.values()) if (stop.door === door && stop.source === source) return stop;
    return null;
  }

  /** When `due` has something to give next; null for never. */
  nextDeadline(): Micros | null {
    if (this.#next !== undefined) return this.#next;
    let next: Micros | null = null;
    for (const { dueAt } of this.#pending.values()) next = Math.min(next ?? dueAt, dueAt);
    this.#next = next;
    return next;
  }

  /** What is due at this moment, the earliest first. */
  due(now: Micros): readonly PendingStop[] {
    const next = this.nextDeadline();
    return next === null || next > now ? [] : this.take(({ dueAt }) => dueAt <= now);
  }

  /** Takes these out of the schedule, the earliest first. */
  take(isWanted: (stop: PendingStop) => boolean): readonly PendingStop[] {
    const taken = this.all().filter(isWanted);
    for (const { id } of taken) this.#pending.delete(id);
    this.#next = undefined;
    return taken.sort((left, right) => left.dueAt - right.dueAt);
  }

  /** All that wait, in the order in which they came. */
  all(): PendingStop[] {
    return [...this.#pending.values()];
  }
}
