/** Config -> the locks that the engine watches. */

import type { Lock } from '../model.ts';
import type { Config } from './schema.ts';

export function locksOf(config: Config): Lock[] {
  return Object.entries(config.doors).map(([name, { sequence, seqTimeoutUs, tcpflags }]) => {
    const live = [sequence];
    // A fixed sequence may be used any number of times.
    return { name, seqTimeoutUs, tcpflags, sequences: () => live, used: () => undefined };
  });
}
