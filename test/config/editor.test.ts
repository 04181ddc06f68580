/** What an editor with a YAML language server makes of knock.schema.json. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { keysOf } from '../../src/manual/keys.ts';
import { knocktail } from '../cli/terminal.ts';

const SCHEMA = JSON.parse(readFileSync('knock.schema.json', 'utf8'));
/** Editors are as strict about the schema itself, but for lists that begin alike and go on so. */
const validate = new Ajv({ allErrors: true, strictTuples: false }).compile(SCHEMA);
const complaints = (text: string): readonly string[] =>
  validate(load(text))
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);

const keys = keysOf(SCHEMA);

it.each(keys)('$path is described', ({ schema }) => {
  expect(schema.description).toMatch(/^[A-Za-z].*\.$/);
});

it.each(keys.filter(({ path }) => !path.endsWith('NAME')))('knock.yaml shows $path', ({ path }) => {
  expect(readFileSync('knock.yaml', 'utf8')).toMatch(new RegExp(`\\b${path.split('.').at(-1)}[:,]`));
});

describe('a file that is an example', () => {
  const fixtures = readdirSync('fixtures', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('knock.yaml'))
    .map((name) => join('fixtures', name));
  it.each(['knock.yaml', ...fixtures])('%s fits the schema', (path) => {
    expect(complaints(readFileSync(path, 'utf8'))).toEqual([]);
  });

  it('names a schema that is there in its first line', () => {
    const [, named = ''] =
      /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync('knock.yaml', 'utf8')) ?? [];
    expect(existsSync(resolve(dirname('knock.yaml'), named))).toBe(true);
    expect(named).toMatch(/knock\.schema\.json$/);
  });
});

it('what init prints fits the schema', async () => {
  expect(complaints((await knocktail(['init', '-c', '-'])).stdout)).toEqual([]);
});

describe('an example in the docs', () => {
  const pages = ['README.md', ...readdirSync('docs').map((name) => join('docs', name))];
  /** Those of other programs say so in their first line, with a path. */
  const blocks = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) =>
      text.startsWith('# /') ? [] : [{ page, text }],
    ),
  );
  const inDoor = new Set(
    keys.map(({ path }) => /^doors\.NAME\.(\w+)$/.exec(path)?.[1]).filter((key) => key !== undefined),
  );

  it('is found', () => expect(blocks.length).toBeGreaterThan(0));

  it.each(blocks)('$page: $text', ({ text }) => {
    const [, first = ''] = /^\s*(\w+):/m.exec(text) ?? [];
    const isWhole = /^doors:/m.test(text);
    const whole = inDoor.has(first)
      ? `doors:\n  some:\n    sequence: [1, 2, 3]\n${text.replace(/^\s*/gm, '    ')}`
      : `${text}\ndoors: { some: { sequence: [1, 2, 3] } }`;
    expect(complaints(isWhole ? text : whole)).toEqual([]);
  });
});

describe('an editor complains of', () => {
  const door = (text: string): string => `doors: { ssh: { sequence: [1, 2, 3], ${text} } }`;
  it.each([
    ['a key that there is not', door('seq_timeot: 5')],
    ['a port that there is not', door('open: { port: 65536 }')],
    ['a flag that there is not', door('tcpflags: [sin]')],
    ['a step that is none', 'doors: { ssh: { sequence: [ssh] } }'],
    ['a map without doors', 'log: { from: auto }'],
    ['an iptables without its path', `firewall: { iptables: iptables }\n${door('')}`],
  ])('%s', (_, text) => {
    expect(complaints(text)).not.toEqual([]);
  });
});
