/** Finds out from the wall clock and the dates of files whether doors would shut when they should. */

import { localTime } from '../../lib/time.ts';
import { US_PER_MS } from '../../model.ts';
import { type Finding, fail, ok } from './finding.ts';

const CHECK = 'clock';
/** The last second that a rule can end at (rule/rule.ts). */
const LAST_MS = 2 ** 31 * 1000;

/** @param writtenMs when the configuration was written, which cannot be in the time to come */
export function checkClock(nowMs: number, writtenMs: number): Finding {
  const now = localTime(nowMs * US_PER_MS);
  if (nowMs < writtenMs) {
    const written = localTime(writtenMs * US_PER_MS);
    return fail(
      CHECK,
      `it says ${now}, but the configuration was written at ${written}`,
      'set it: timedatectl set-ntp true',
    );
  }
  if (nowMs >= LAST_MS)
    return fail(CHECK, `it says ${now}, and the kernel ends no rule after 2038`, 'set it, if it is wrong');
  return ok(CHECK, `it says ${now}`);
}
