import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const [, table = ''] = readFileSync('docs/security.md', 'utf8').split('## The test for each promise');
const rows = [...table.matchAll(/^\| ([^|]+) \| `([^`|]+)` \| ([^|]+) \|$/gm)].map((match) => match.slice(1));

it('the table of promises has rows, and a promise in each line of it', () => {
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.length).toBe(lines.length - 2);
});

it.each(rows)('the test of a promise exists: %s', (_promise, file = '', title = '') => {
  expect(existsSync(file), file).toBe(true);
  expect(readFileSync(file, 'utf8')).toContain(`'${title}'`);
});
