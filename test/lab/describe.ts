/** A need that is not met -> a group of tests that says so and is left out. */

import { describe } from 'vitest';
import { type Need, needs } from './needs.ts';

/** A `describe` that is left out, with the reason said, where the machine lacks something. */
export function describeWith(wanted: readonly Need[], title: string, body: () => void): void {
  const reason = needs(...wanted);
  if (reason === null) {
    describe(title, body);
    return;
  }
  console.warn(`skipped: ${title}: ${reason}`);
  describe.skip(`${title} (skipped: ${reason})`, body);
}
