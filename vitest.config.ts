import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that need root, other programs, a daemon or real time. */
const E2E = 'test/**/*.e2e.test.ts';

/** Those of them that fail while others load the machine, read its /proc/kmsg, or load it themselves. */
export const ALONE = [
  'test/behind.e2e.test.ts',
  'test/bulk.e2e.test.ts',
  'test/cli/hostile.e2e.test.ts',
  'test/deb.e2e.test.ts',
  'test/deploy/image.e2e.test.ts',
  'test/killed.e2e.test.ts',
  'test/killed-fake.e2e.test.ts',
  'test/knockd.e2e.test.ts',
  'test/source/forged.e2e.test.ts',
  'test/source/kmsg.e2e.test.ts',
  'test/source/stress.e2e.test.ts',
  'test/many-doors.e2e.test.ts',
  'test/firewall/bulk.e2e.test.ts',
  'test/sweeps.e2e.test.ts',
];

/** Properties of the unit tests that are tried again with KNOCKTAIL_RUNS times as many examples. */
export const THOROUGH = [
  'test/attempt/properties.test.ts',
  'test/config/convert.test.ts',
  'test/packet/hosts.test.ts',
  'test/packet/mutated.test.ts',
  'test/packet/fast-path.test.ts',
];

const CORES = availableParallelism();

const thorough = {
  extends: true,
  test: {
    name: 'thorough',
    include: THOROUGH,
    testTimeout: 600_000,
    maxWorkers: CORES,
    sequence: { groupOrder: 2 },
  },
} as const;

export default defineConfig({
  test: {
    // Reports are in local time.
    env: { TZ: 'UTC' },
    setupFiles: ['./test/support/umask.ts'],
    globalSetup: ['./test/support/suite.ts'],
    reporters: ['default', './test/support/summary.ts'],
    // The groups run one after the other.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, E2E],
          ...{ testTimeout: 20_000, hookTimeout: 20_000 },
          maxWorkers: CORES,
          sequence: { groupOrder: 1 },
        },
      },
      ...(process.env['KNOCKTAIL_RUNS'] === undefined ? [] : [thorough]),
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [E2E],
          exclude: [...configDefaults.exclude, ...ALONE],
          ...{ testTimeout: 60_000, hookTimeout: 60_000 },
          // Most of their time they wait.
          maxWorkers: 2 * CORES,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e-alone',
          include: ALONE,
          ...{ testTimeout: 60_000, hookTimeout: 60_000 },
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
