/** Splits completed knocks into groups of which each can be opened in one batch. */

import type { DoorCommands } from '../command/command-scheduler.ts';
import type { Grant } from './lease.ts';
import type { Lease } from './rules.ts';

/** What opening a door means. */
export interface DoorAction extends DoorCommands {
  readonly open: Omit<Grant, 'door' | 'source'> | null;
  /** The door whose opening for the same source is taken away. */
  readonly close: string | null;
}

/** A door that a source has knocked open. */
export interface Knock extends Lease {
  readonly action: DoorAction;
}

/** What a door closes may be what another has opened, so each such door ends a part. */
export function parted(knocks: readonly Knock[]): readonly (readonly Knock[])[] {
  const parts: Knock[][] = [[]];
  for (const knock of knocks) {
    parts.at(-1)?.push(knock);
    if (knock.action.close !== null) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}
