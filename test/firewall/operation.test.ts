import fc from 'fast-check';
import { expect, it } from 'vitest';
import { argvOf, type Change, restoreLine } from '../../src/firewall/operation.ts';
import { ruleSpec } from '../../src/firewall/rule.ts';
import { anyOpening } from '../openings.ts';

const LF = '\n';

/** As iptables-restore parts a line into words (add_param_to_argv in iptables/xshared.c of 1.8.9). */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word = '';
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const letter = line.charAt(at);
    if (isQuoted && letter === '\\') word += line.charAt(++at);
    else if (letter === '"') isQuoted = !isQuoted;
    else if (!isQuoted && [' ', '\t', LF].includes(letter)) {
      if (word !== '') words.push(word);
      word = '';
    } else word += letter;
  }
  return word === '' ? words : [...words, word];
}

const insert = (spec: readonly string[]): Change => ({ op: 'insert', chain: 'KNOCKD', at: 1, spec });

it('a line for iptables-restore says the words that iptables would be given', () => {
  fc.assert(
    fc.property(anyOpening, (opening) => {
      const change = insert(ruleSpec(opening));
      expect(wordsOf(restoreLine(change) ?? '')).toEqual(argvOf(change).slice(1));
    }),
  );
});

it('a word stays one word whatever is in it, or has no line', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: 'binary' }), { maxLength: 20 }), (spec) => {
      const line = restoreLine(insert(spec));
      if (line !== null) expect(wordsOf(line)).toEqual(argvOf(insert(spec)).slice(1));
      expect(line?.includes(LF) ?? false).toBe(false);
    }),
  );
});

it('what would be a line of its own, or too long for one, has none', () => {
  expect(restoreLine(insert(['-m', 'comment', '--comment', `a${LF}COMMIT`]))).toBeNull();
  expect(restoreLine(insert(['a'.repeat(9_000)]))).toBeNull();
});
