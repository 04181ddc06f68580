/** The parser for CrowdSec of docs/near-misses.md, on lines as the daemon tells them. */

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { load } from 'js-yaml';
import { expect, it } from 'vitest';

interface Parser {
  readonly name: string;
  readonly grok?: { readonly pattern: string };
}

const documents = [...readFileSync('docs/near-misses.md', 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(
  ([, text = '']) => load(text) as Parser,
);
/** As of grok, but for what an address is. */
const pattern = documents
  .flatMap(({ grok }) => grok?.pattern ?? [])
  .join()
  .replace('%{IP:source_ip}', '(?<source>[0-9a-f.:]+)')
  .replace('%{GREEDYDATA:near_miss}', '(?<what>.*)');

it.each([
  ['192.0.2.7: near miss: ssh: 2 of 3 steps', '192.0.2.7'],
  ['2001:db8::7: near miss: port sweep', '2001:db8::7'],
  ['192.0.2.7 (a.example): near miss: ssh: touched a trap', '192.0.2.7'],
  ['192.0.2.1: ssh: command says: 203.0.113.9: near miss: port sweep', null],
  ['192.0.2.7: ssh: timeout at stage 2 of 3', null],
])('%s is of %s', (line, source) => {
  const found = new RegExp(pattern).exec(line)?.groups?.['source'] ?? null;
  expect(found).toBe(source);
  expect(found === null || isIP(found) !== 0).toBe(true);
});

it('parser, scenario and source of lines are sound YAML', () => {
  expect(documents.map(({ name }) => name)).toEqual(['local/knocktail', 'local/knocktail', undefined]);
});
