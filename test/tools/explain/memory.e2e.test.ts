import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('a log in which every line is from another client is explained in less than 150 MB', () => {
  const printed = execFileSync(process.execPath, ['bench/explain.mjs', '300000'], { encoding: 'utf8' });
  const [, megabytes = ''] = /(\d+) MB at its peak/.exec(printed) ?? [];
  expect(Number(megabytes), printed).toBeGreaterThan(30);
  expect(Number(megabytes), printed).toBeLessThan(150);
});
