/** What the parts of the daemon have counted, as data. Counters only rise while the daemon lives. */

import type { Decision, Micros } from '../model.ts';
import type { NearMissKind } from './near-misses.ts';

/** What one log has brought. */
export interface LogCounts {
  /** Its path, or where it comes from. */
  readonly log: string;
  /** Lines with the prefix that were the kernel's, and that were not. */
  readonly trusted: number;
  readonly untrusted: number;
  /** Lines that the kernel wrote over before they were read. */
  readonly overwritten: number;
  /** Lines that whoever writes the log says it has left out. */
  readonly suppressed: number;
  /** When it brought lines last, of anybody; null before the first. */
  readonly readAt: Micros | null;
  /** The time of the last packet that counted; null before the first. */
  readonly packetAt: Micros | null;
}

export type DecisionCounts = Readonly<Record<Decision['event'], number>>;

/** What was asked of the firewall. */
export interface Asked {
  readonly done: number;
  readonly failed: number;
}
export type FirewallCounts = Readonly<Record<'ensure' | 'list' | 'insert' | 'remove', Asked>>;

/** Start and stop commands. */
export interface CommandCounts {
  readonly ran: number;
  readonly failed: number;
  readonly running: number;
  /** Stop commands that wait for their time. */
  readonly pending: number;
}

export interface Counts {
  readonly logs: readonly LogCounts[];
  readonly attempts: number;
  readonly evicted: number;
  readonly decisions: ReadonlyMap<string, DecisionCounts>;
  readonly nearMisses: Readonly<Record<NearMissKind, number>>;
  readonly openings: ReadonlyMap<string, number>;
  readonly firewall: FirewallCounts;
  readonly commands: CommandCounts;
}
