/** Says what a sequence is worth against a scan of all ports that nothing stops. */

import type { Sequence } from '../model.ts';
import { orders } from '../sweep-limits.ts';
import type { Config } from './schema.ts';
import { formatStep } from './sequence.ts';

/** How many scans of all ports in random order it takes, on average, to touch these in their order; null where none does. */
export function scansFor(sequence: Sequence): number | null {
  const distinct = new Set(sequence.map(formatStep)).size;
  return distinct === sequence.length ? orders(distinct) : null;
}

/** Names the door that a scan opens most easily; null where no sequence is known. */
export function weakestOf(doors: Config['doors']): string | null {
  const known = [...doors].flatMap(([name, { sequence }]) => {
    const scans = sequence === null ? null : scansFor(sequence);
    return scans === null ? [] : [{ name, scans }];
  });
  const [weakest] = known.sort((a, b) => a.scans - b.scans);
  return weakest === undefined ? null : `${scanOpens(weakest.scans)} ${weakest.name}`;
}

export function scanOpens(scans: number): string {
  return scans === 1
    ? 'every scan of all ports opens'
    : `one in ${scans} scans of all ports in random order opens`;
}
