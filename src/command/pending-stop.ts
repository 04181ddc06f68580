/** Keeps track of each stop command from the knock until it has run. */

import type { Address, Micros } from '../model.ts';

/**
 *     starting ──> open ─────┐
 *         └──────> waiting ──┼──> running ──> (gone)
 *                  retrying ─┘       │
 *                     └──────────────┘ failed
 *
 * - `starting`: its start command runs or waits for its turn, here or in a daemon that died.
 * - `open`: its start command is known to have succeeded. A second knock only postpones the stop command.
 * - `waiting`: its start command failed, or that is not known. A second knock runs the start command again.
 * - `running`: it is due, and runs or waits for its turn. A shutdown and a dry run make it `waiting` again.
 * - `retrying`: it failed and waits for the next try.
 */
export type StopState = 'starting' | 'open' | 'waiting' | 'running' | 'retrying';

export interface PendingStop {
  /** Unique across daemons and boots. */
  readonly id: string;
  readonly state: StopState;
  readonly door: string;
  readonly source: Address;
  /** As configured, with `%IP%`. */
  readonly command: string;
  /** cmd_timeout. No clock that was set makes it wait for longer than this in one daemon. */
  readonly waitUs: Micros;
  /** By the machine's clock. While `starting`: cmd_timeout after the start command began. */
  readonly dueAt: Micros;
  /** Failed runs. */
  readonly failures: number;
  /** Its start command was only logged, in a dry run. */
  readonly isDry: boolean;
  /** It comes from another daemon. */
  readonly isInherited: boolean;
}

/** As it is on disk. Earlier versions wrote the same, so keys that are added later need defaults. */
export interface SavedStop
  extends Pick<PendingStop, 'id' | 'door' | 'source' | 'command' | 'waitUs' | 'dueAt' | 'failures'> {
  readonly isStarting: boolean;
  /** The boot that `dueAt` belongs to. */
  readonly boot: string | null;
  /** The same moment by the wall clock, which is still valid after a reboot. */
  readonly dueAtWall: Micros;
}

export interface Clocks {
  readonly boot: string | null;
  readonly now: Micros;
  readonly wall: Micros;
}

export function saved(stop: PendingStop, { boot, now, wall }: Clocks): SavedStop {
  const { id, door, source, command, waitUs, dueAt, failures, state } = stop;
  return {
    ...{ id, door, source, command, waitUs, dueAt, dueAtWall: wall + dueAt - now, boot },
    ...{ isStarting: state === 'starting', failures },
  };
}

/**
 * Inherits a stop command of another daemon. It is due by the machine's clock within one boot, else by the wall clock.
 * A start command does not outlive a reboot.
 */
export function inherited(stop: SavedStop, clocks: Clocks): PendingStop {
  const { id, door, source, command, waitUs, failures, isStarting } = stop;
  const isSameBoot = ofThisBoot(stop, clocks);
  const dueAt = isSameBoot ? stop.dueAt : clocks.now + stop.dueAtWall - clocks.wall;
  return {
    ...{ id, door, source, command, waitUs, failures, isDry: false, isInherited: true },
    state: isStarting && isSameBoot ? 'starting' : failures > 0 ? 'retrying' : 'waiting',
    dueAt: Math.min(dueAt, clocks.now + waitUs),
  };
}

export function ofThisBoot(stop: Pick<SavedStop, 'boot'>, { boot }: Pick<Clocks, 'boot'>): boolean {
  return boot !== null && boot === stop.boot;
}

/** All stop commands that have yet to run, in the order of their last change. */
export class PendingStops {
  readonly #stops = new Map<string, PendingStop>();
  #scheduled = 0;
  /** When the next is due, infinity if none is scheduled; undefined if that has to be found out. */
  #next: Micros | undefined = Number.POSITIVE_INFINITY;

  /** How many wait for their time. */
  get scheduled(): number {
    return this.#scheduled;
  }

  /** Adds a stop command, or replaces the one with its id. */
  set(stop: PendingStop): void {
    this.delete(stop.id);
    this.#stops.set(stop.id, stop);
    if (!isScheduled(stop)) return;
    this.#scheduled++;
    if (this.#next !== undefined) this.#next = Math.min(this.#next, stop.dueAt);
  }

  delete(id: string): void {
    const stop = this.#stops.get(id);
    this.#stops.delete(id);
    if (stop === undefined || !isScheduled(stop)) return;
    this.#scheduled--;
    if (stop.dueAt === this.#next) this.#next = undefined;
  }

  /** The one that a second knock is about: one that is starting, else the first that waits for its time. */
  of(door: string, source: Address): PendingStop | null {
    let first: PendingStop | null = null;
    for (const stop of this.#stops.values()) {
      if (stop.source !== source || stop.door !== door) continue;
      if (stop.state === 'starting') return stop;
      if (isScheduled(stop)) first ??= stop;
    }
    return first;
  }

  /** When `takeDue` has something to return; null for never. */
  nextDeadline(): Micros | null {
    if (this.#next === undefined) {
      this.#next = Number.POSITIVE_INFINITY;
      for (const stop of this.#stops.values())
        if (isScheduled(stop)) this.#next = Math.min(this.#next, stop.dueAt);
    }
    return this.#next === Number.POSITIVE_INFINITY ? null : this.#next;
  }

  /** Returns those that are due, the earliest first, as `running`. */
  takeDue(now: Micros): readonly PendingStop[] {
    const next = this.nextDeadline();
    return next === null || next > now ? [] : this.take(({ dueAt }) => dueAt <= now);
  }

  /** Returns those of the scheduled that match, the earliest first, as `running`. */
  take(matches: (stop: PendingStop) => boolean): readonly PendingStop[] {
    const taken = this.all()
      .filter((stop) => isScheduled(stop) && matches(stop))
      .sort((left, right) => left.dueAt - right.dueAt)
      .map((stop): PendingStop => ({ ...stop, state: 'running' }));
    for (const stop of taken) this.set(stop);
    return taken;
  }

  /** Makes the scheduled stop commands due of all doors but these. */
  expedite(doors: Pick<ReadonlySet<string>, 'has'>): void {
    for (const stop of this.all())
      if (isScheduled(stop) && !doors.has(stop.door)) this.set({ ...stop, dueAt: 0 });
  }

  all(): readonly PendingStop[] {
    return [...this.#stops.values()];
  }
}

function isScheduled({ state }: PendingStop): boolean {
  return state === 'open' || state === 'waiting' || state === 'retrying';
}
