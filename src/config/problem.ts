/** What reading a configuration comes to: a Config, or every problem with its line and column. */

import type { Position } from './positions.ts';
import type { Config } from './schema.ts';

export interface Problem extends Position {
  /** What is wrong, the value, and what would be right. */
  readonly text: string;
}

export type Loaded =
  | {
      readonly config: Config;
      readonly problems: null;
      /** What is accepted, and likely not meant so. */
      readonly warnings: readonly Problem[];
      /** Where a door stands. */
      placeOf(door: string): Position;
    }
  | { readonly config: null; readonly problems: readonly Problem[] };

/** Of a door without a stop command. */
export function idleTimeout(door: string): string {
  return `door ${door}: cmd_timeout without stop_command does nothing`;
}

export function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
