/** Makes V8 collect garbage early instead of letting the heap grow to several times what is in use. */

import { setFlagsFromString } from 'node:v8';

/** Other versions may not know these flags, and print an error. */
const TESTED_V8 = /^11\./;
const FLAGS = ['--heap-growing-percent=50', '--max-semi-space-size=4', '--semi-space-growth-factor=1'];

/**
 * For a command that reads a long log and keeps little of it. Measured with `explain` on 900,000 clients: a peak of 107 MB
 * instead of 200 MB for the same CPU time, with `replay` of a million lines one of 93 MB instead of 102 MB.
 */
export function keepHeapSmall(): void {
  if (TESTED_V8.test(process.versions.v8)) for (const flag of FLAGS) setFlagsFromString(flag);
}
