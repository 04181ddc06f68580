/** Ends a test run with one line that says how it went, and what else there is to run. */

import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

const REST = 'Kernel, daemon, container and browser tests: npm run test:e2e (needs root)';

export default class Summary implements Reporter {
  #startedMs = 0;

  onTestRunStart(): void {
    this.#startedMs = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    // An error outside any test, or a file that cannot be loaded, counts as a failed test.
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (tests.length === 0 && !module.ok()) counts.failed++;
      for (const test of tests) {
        const { state } = test.result();
        if (state !== 'pending') counts[state]++;
      }
    }
    const seconds = Math.round((performance.now() - this.#startedMs) / 1_000);
    const isUnit = modules.every(({ project }) => project.name === 'unit');
    const [passed, failed, skipped] = [counts.passed, counts.failed, counts.skipped].map((count) =>
      count.toLocaleString('en'),
    );
    const parts = [
      ...(counts.failed > 0 ? [`${failed} failed`] : []),
      `${passed} ${isUnit ? '' : 'end-to-end '}tests passed`,
      ...(counts.skipped > 0 ? [`${skipped} skipped`] : []),
    ];
    const isCut = reason === 'interrupted' ? ' Interrupted.' : '';
    process.stdout.write(`${parts.join(', ')} in ${seconds} s.${isCut}${isUnit ? ` ${REST}` : ''}\n`);
    // For .ci/run, which adds several runs up.
    const file = process.env['KNOCKTAIL_TEST_COUNTS'];
    if (file !== undefined) appendFileSync(file, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  }
}
