/** `npm test` passes on any machine: what needs root or other programs is in files named *.e2e.test.ts. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ALONE, THOROUGH } from '../vitest.config.ts';

/** What says that a test may be skipped, or builds network namespaces. */
const NEEDS_A_MACHINE = /\b(describeWith|needs|skipIf|runIf|new Lab)\(|\.skip\b/;

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`);
const isE2e = (file: string): boolean => file.endsWith('.e2e.test.ts');

it('a unit test needs nothing of the machine, so none is skipped', () => {
  const own = 'test/tiers.test.ts';
  const units = files.filter((file) => !isE2e(file) && file !== own);
  expect(units.filter((file) => NEEDS_A_MACHINE.test(readFileSync(file, 'utf8')))).toEqual([]);
});

it('the files that vitest.config.ts names exist, in their tier', () => {
  expect([...ALONE, ...THOROUGH].filter((file) => !existsSync(file))).toEqual([]);
  expect(ALONE.filter((file) => !isE2e(file))).toEqual([]);
  expect(THOROUGH.filter(isE2e)).toEqual([]);
});
