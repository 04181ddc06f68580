/** Waits until Node has looked at its pipes. */

import { setImmediate as turn } from 'node:timers/promises';

/**
 * Resolves once all that stands in a pipe now has come to its stream, as far as there is room. Where the process was
 * stopped for a while, or busy, timers run before pipes are looked at, and an empty stream says nothing.
 */
export async function pipesAreRead(): Promise<void> {
  // The first may come at the end of a look that was under way.
  await turn();
  await turn();
}
