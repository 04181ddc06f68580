import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const PAGE = readFileSync('docs/troubleshooting.md', 'utf8');
const SOURCES = [
  ...['examine', 'self-test'].map((name) => `src/cli/${name}.ts`),
  ...readdirSync('src/tools/doctor').map((name) => join('src/tools/doctor', name)),
];

/** The names of checks, as findings are made of them. */
function checksIn(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const named = [
    ...text.matchAll(/\b(?:ok|warn|fail|skip|tried)\(\s*'([^']+)'/g),
    ...text.matchAll(/^const CHECK = '([^']+)'/gm),
    ...text.matchAll(/\bcheck = `([^`]+)`/g),
  ];
  return named.map(([, name = '']) =>
    name.replace(/^\$\{[^}]+chain\}|^\$\{chain\}/, 'KNOCKD').replace(/, IPv.*/, ''),
  );
}

const checks = [...new Set(SOURCES.flatMap(checksIn))].sort();

it('there are the checks that the doctor has', () => {
  expect(checks).toEqual(
    expect.arrayContaining(['config', 'log', 'forgery', 'KNOCKD', 'LOG rules', 'xt_time']),
  );
});

it.each(checks)('%s has a part of the page', (check) => {
  const titles = [...PAGE.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title.replace(/, IPv.*/, ''));
  expect(titles).toContain(check);
});
