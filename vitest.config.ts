import { configDefaults, defineConfig } from 'vitest/config';

const E2E = 'test/**/*.e2e.test.ts';
const THOROUGH = [
  'test/attempt/properties.test.ts',
  'test/config/convert.test.ts',
  'test/packet/{hosts,mutated,peek}.test.ts',
];

export default defineConfig({
  test: {
    // Reports are in local time.
    env: { TZ: 'UTC' },
    reporters: ['default', './test/support/summary.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, E2E],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: [E2E], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        // The properties of the unit tests again, with twenty times as many examples.
        extends: true,
        test: { name: 'thorough', include: THOROUGH, env: { KNOCKTAIL_RUNS: '20' }, testTimeout: 600_000 },
      },
    ],
  },
});
