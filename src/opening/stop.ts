/** Stop commands that wait for their moment, and which of them are due. */

import type { Address, Micros } from '../model.ts';

export interface PendingStop {
  readonly door: string;
  readonly source: Address;
  /** As configured, `%IP%` still in it. */
  readonly command: string;
  readonly dueAt: Micros;
}

/**
 * knockd's way: each run of a start command, however it ended, is followed by one run of the stop command. What
 * is due leaves the schedule.
 */
export class StopSchedule {
  #pending: readonly PendingStop[] = [];

  add(stop: PendingStop): void {
    this.#pending = [...this.#pending, stop];
  }

  /** When `due` has something to give next; null for never. */
  nextDeadline(): Micros | null {
    return this.#pending.reduce<Micros | null>((next, { dueAt }) => Math.min(next ?? dueAt, dueAt), null);
  }

  /** What is due at this moment, the earliest first. */
  due(now: Micros): readonly PendingStop[] {
    const due = this.#pending.filter(({ dueAt }) => dueAt <= now);
    this.#pending = this.#pending.filter(({ dueAt }) => dueAt > now);
    return due.sort((left, right) => left.dueAt - right.dueAt);
  }

  /** All that wait, in the order in which they came. */
  all(): readonly PendingStop[] {
    return this.#pending;
  }
}
