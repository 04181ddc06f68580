/** What an editor with the YAML language server makes of knock.yaml and of knock.schema.json. */

import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../src/tools/manual/keys.ts';
import { knocktail } from '../cli/terminal.ts';
import { LanguageServer } from '../lab/language-server.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const MODELINE = '# yaml-language-server: $schema=./knock.schema.json\n';
const keys = keysOf(JSON.parse(readFileSync('knock.schema.json', 'utf8')));
const editor = new LanguageServer(resolve('.'));
beforeAll(() => editor.start());
afterAll(() => editor.close());

const complaints = async (text: string): Promise<readonly string[]> =>
  (await editor.open(text)).diagnostics.map(({ message, range }) => `${range.start.line + 1}: ${message}`);

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
  it.concurrent.each(fixtures)('%s fits the schema', async (path) => {
    expect(await complaints(MODELINE + readFileSync(path, 'utf8'))).toEqual([]);
  });
});

/** Its first line names the schema: a line that does not fit is seen, and what is right is not complained of. */
describe.each([
  ['knock.yaml', () => readFileSync('knock.yaml', 'utf8')],
  ['what init prints', async () => (await knocktail(['init', '-c', '-'])).stdout],
] as const)('%s', (_, read) => {
  it('fits the schema that it names', async () => {
    const text = await read();
    expect(await complaints(text)).toEqual([]);
    const lines = text.trimEnd().split('\n').length;
    expect(await complaints(`${text}dors: {}\n`)).toEqual([`${lines + 1}: Property dors is not allowed.`]);
  });
});

it('the schema of a program in a folder with a blank in its name is found', async () => {
  const home = join(scratchFolder(), 'a home');
  for (const name of ['dist', 'package.json', 'knock.schema.json']) {
    cpSync(name, join(home, name), { recursive: true, filter: (path) => !path.endsWith('.deb') });
  }
  const argv = [join(home, 'dist/main.js'), 'init', '-c', '-'];
  const text = execFileSync(process.execPath, argv, { encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
  expect(text).toContain('/a%20home/knock.schema.json\n');
  expect(await complaints(text)).toEqual([]);
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

  it.concurrent.each(blocks)('$page: $text', async ({ text }) => {
    const [, first = ''] = /^\s*(\w+):/m.exec(text) ?? [];
    const isWhole = /^doors:/m.test(text);
    const whole = inDoor.has(first)
      ? `doors:\n  some:\n    sequence: [1, 2, 3]\n${text.replace(/^\s*/gm, '    ')}`
      : `${text}\ndoors: { some: { sequence: [1, 2, 3] } }`;
    expect(await complaints(MODELINE + (isWhole ? text : whole))).toEqual([]);
  });
});

describe('an editor complains of', () => {
  const door = (text: string): string => `doors: { ssh: { sequence: [1, 2, 3], ${text} } }`;
  it.concurrent.each([
    ['a key that there is not', door('seq_timeot: 5'), 'Property seq_timeot is not allowed.'],
    ['a port that there is not', door('open: { port: 65536 }'), 'Value is above the maximum of 65535.'],
    [
      'a flag that there is not',
      door('tcpflags: [sin]'),
      /^2: Value is not accepted\. Valid values: .*"syn"/,
    ],
    ['a step that is none', 'doors: { ssh: { sequence: [ssh] } }', /^2: /],
    ['a map without doors', 'log: { from: auto }', 'Missing property "doors".'],
    ['an iptables without its path', `firewall: { iptables: iptables }\n${door('')}`, /^2: /],
  ])('%s', async (_, text, what) => {
    const [first, ...others] = await complaints(MODELINE + text);
    expect([first, others]).toEqual([
      typeof what === 'string' ? `2: ${what}` : expect.stringMatching(what),
      [],
    ]);
  });
});

describe('an editor helps with', () => {
  const text = `${MODELINE}doors:\n  ssh:\n    sequence: [1, 2, 3]\n    seq_timeout: 5s\n    \n`;

  it('what a key is', async () => {
    const { uri } = await editor.open(text);
    expect(await editor.hover(uri, { line: 4, character: 6 })).toContain('From the first knock to the last.');
  });

  it('the keys that there are, but for those that are written', async () => {
    const { uri } = await editor.open(text);
    const offered = await editor.completions(uri, { line: 5, character: 4 });
    expect(offered).toContain('tcpflags');
    expect(offered).not.toContain('seq_timeout');
    expect(offered).not.toContain('firewall');
  });

  it('the values that a key takes', async () => {
    const { uri } = await editor.open(`${MODELINE}log:\n  from: \ndoors: {}\n`);
    const offered = await editor.completions(uri, { line: 2, character: 8 });
    expect(offered).toEqual(expect.arrayContaining(['auto', 'journal', 'kmsg', 'file', 'stdin']));
  });
});
