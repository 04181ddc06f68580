/** Stop commands as a daemon saves them. */

import type { SavedStop } from '../../src/command/pending-stop.ts';
import { address } from '../openings.ts';

export function stop(number: number, parts: Partial<SavedStop> = {}): SavedStop {
  return {
    id: number.toString(16).padStart(16, '0'),
    door: 'größe',
    source: address('2001:db8::7'),
    command: 'echo "%IP%\n" | tr a b',
    waitUs: 10_000_000,
    dueAt: 123_456,
    dueAtWall: 1_795_212_345_000_000,
    boot: 'b',
    isStarting: false,
    failures: 0,
    ...parts,
  };
}
