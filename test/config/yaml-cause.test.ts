/** YAML errors name the likely cause first, at its own place. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

function problem(text: string): string {
  const [first] = loadConfig(text).problems ?? [];
  return first === undefined ? expect.fail('accepted') : `${first.line}:${first.column}: ${first.text}`;
}
/** A door with more lines, the first of which is line 4. */
const door = (lines: string) => `doors:\n  ssh:\n    sequence: [1, 2, 3]\n${lines}\n`;

describe('a key or an item that does not line up', () => {
  it.each([
    ['too deep', door('      seq_timeout: 5s'), '4:7'],
    ['a blank short', door('   seq_timeout: 5s'), '4:4'],
    ['a blank too many, at the top', 'compat: none\n sweep_guard: 8\ndoors: {}\n', '2:2'],
    ['between two levels', 'doors:\n  ssh:\n    sequence: [1]\n lock:\n    sequence: [2]\n', '4:2'],
    ['below a comment', door('# more\n\n      seq_timeout: 5s'), '6:7'],
    ['with CRLF', 'doors:\r\n  ssh:\r\n    sequence: [1]\r\n      x: 1\r\n', '4:7'],
  ])('%s', (_, text, place) => {
    expect(problem(text)).toMatch(
      new RegExp(
        `^${place}: indentation error: this key should line up with the one above it \\(also check: `,
      ),
    );
  });

  it('of a list', () => {
    expect(problem('doors:\n  ssh:\n    sequence:\n    - 1\n   - 2\n')).toMatch(
      /^5:4: indentation error: this item/,
    );
  });
});

describe('the cause is told where it is', () => {
  it.each([
    [
      door('    open: port: 22'),
      '4:15: two colons in one line: put the value in quotes, or start a new line',
    ],
    [door('    start_command: echo a: b'), '4:26: two colons in one line'],
    [door('    open:\n      port:22\n      proto: tcp'), '5:12: a space is missing after the colon'],
    [door('    seq_timeout:5s\n    open: { port: 22 }'), '4:17: a space is missing after the colon'],
    [door('    seq_timeout:5s'), '4:17: a space is missing after the colon'],
    [door('    seq_timeout = 5'), '4:17: write "key: value", with a colon and a space instead of ='],
    [door('    seq_timeout\n    open: { port: 22 }'), '4:5: a colon and a space are missing after this key'],
    [
      'doors:\n  ssh:\n    sequence: [1, 2, 3\n    seq_timeout: 5s\n',
      '3:15: this [ is never closed, add a ]',
    ],
    [door('    open: { port: 22, for: 30s\n    tcpflags: [syn]'), '4:11: this { is never closed, add a }'],
    [
      door('    open: { port: 22, # ssh }'),
      '4:11: this { is never closed, add a } (what follows # is a comment)',
    ],
    [door('    start_command: "it\'s { [ #"\n    open: { port: 22'), '5:11: this { is never closed'],
    [door('    open: { port: 22 }}'), '4:23: one } too many'],
    ['doors:\n  ssh:\n    sequence: [1, 2, 3]]\n', '3:24: one ] too many'],
    [door('    open: { port: 22 for: 30s }'), '4:25: a comma is missing between the entries'],
    ['log:\n  prefix: "KNOCK \ndoors:\n  a: 1\n', '2:11: this quote is never closed'],
    ["log:\n  prefix: 'KNOCK \ndoors:\n  a: 1\n", '2:11: this quote is never closed'],
    ['log:\n  prefix: "KNOCK" x\n', '2:19: text after the closing quote'],
    ['log:\n  prefix: "K\\q"\n', '2:14: in double quotes \\ begins an escape'],
    ['doors:\n\tssh:\n', '2:1: a tab in the indentation, indent with spaces'],
    [door('    start_command: %IP%'), '4:20: a value that begins with % must be in quotes'],
    [door('    start_command: @foo'), '4:20: a value that begins with @ must be in quotes'],
    [door('    start_command: `foo`'), '4:20: a value that begins with ` must be in quotes'],
    [door('    start_command: *foo bar'), '4:20: a value that begins with * must be in quotes'],
    [door('    start_command: & foo'), '4:20: a value that begins with & must be in quotes'],
    [door('    start_command: > foo'), '4:20: a value that begins with > must be in quotes'],
    [door('    tcpflags: [!ack]'), '4:16: a value that begins with ! must be in quotes'],
  ])('%j', (text, expected) => expect(problem(text)).toContain(expected));
});

it('whatever is done to a configuration, a problem has a place in it and one line of text', () => {
  const whole = readFileSync('knock.yaml', 'utf8');
  const edit = fc.tuple(
    fc.nat(whole.length),
    fc.nat(3),
    fc.oneof(
      fc.constantFrom(' ', '\t', ':', ': ', '"', "'", '[', '}', '#', '\n', '*', '!', '%', '='),
      fc.string({ maxLength: 3 }),
    ),
  );
  let broken = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const text = edits.reduce(
        (text, [at, left, added]) => text.slice(0, at) + added + text.slice(at + left),
        whole,
      );
      const lines = text.split('\n');
      for (const { line, column, text: said } of loadConfig(text).problems ?? []) {
        broken++;
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
        expect(Math.min(line, column)).toBeGreaterThan(0);
        expect(said).not.toMatch(/\n|undefined/);
      }
    }),
    { numRuns: 3_000 },
  );
  expect(broken).toBeGreaterThan(1_000);
});
