/** Ends a test run with one line that says what ran, and what else there is to run. */

import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

const NEXT: Readonly<Record<string, string>> = {
  unit: 'Kernel, daemon, container and browser tests: npm run test:e2e (as root).',
  e2e: '',
};

export default class Summary implements Reporter {
  #startedMs = 0;

  onTestRunStart(): void {
    this.#startedMs = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (!module.ok() && [...module.children.allTests()].length === 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') counts[state]++;
      }
    }
    const seconds = Math.round((performance.now() - this.#startedMs) / 1_000);
    const { passed, failed, skipped } = counts;
    const total = passed + failed;
    const what = failed === 0 ? `All ${total} tests passed` : `${failed} of ${total} tests failed`;
    const left = skipped === 0 ? '' : `, ${skipped} were skipped`;
    const kind = modules.some(({ project }) => project.name === 'unit') ? 'unit' : 'e2e';
    process.stdout.write(`${what} in ${seconds} s${left}. ${NEXT[kind] ?? ''}\n`);
    // For a script that adds several runs up.
    const file = process.env['KNOCKTAIL_TEST_COUNTS'];
    if (file !== undefined) appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
  }
}
