/** Explains why a client cannot reach the host that a door leads to. */

import { EXIT, KnocktailError } from '../errors.ts';
import { familyOf } from '../lib/address.ts';
import type { Address } from '../model.ts';

/**
 * A packet is of one family, and so is a rule for it.
 *
 * @param to null where the door leads to this machine, which has both
 * @returns null where there is nothing in the way
 */
export function familyMismatch(source: Address, to: Address | null): KnocktailError | null {
  if (to === null || familyOf(to) === familyOf(source)) return null;
  return new KnocktailError('the door leads to a host of the other family', {
    exitCode: EXIT.USAGE,
    value: source,
    remedy: `take an IPv${familyOf(to)} address, as ${to} is one`,
  });
}
