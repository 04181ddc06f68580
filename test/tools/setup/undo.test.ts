import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/firewall/operation.ts';
import { type Made, undoOf } from '../../../src/tools/setup/undo.ts';

const CHAIN = 'INPUT';
const spec = (name: string) => ['-j', name];
const names = (rules: readonly (readonly string[])[]) => rules.map(([, name]) => name).join('');
const rulesOf = (text: string) => [...text].map(spec);

function done(rules: readonly (readonly string[])[], change: Change): (readonly string[])[] {
  if (change.op === 'insert') return rules.toSpliced(change.at - 1, 0, change.spec);
  const at = rules.findIndex((rule) => rule.join() === change.spec.join());
  return rules.toSpliced(at, at < 0 ? 0 : 1);
}

/** Makes the changes, lets others make theirs, and takes ours back. */
function undone(start: string, ours: readonly Change[], others: readonly Change[] = []): string {
  const made: Made[] = [];
  let rules: readonly (readonly string[])[] = rulesOf(start);
  for (const change of ours) {
    made.push({ change, before: rules });
    rules = done(rules, change);
  }
  for (const change of others) rules = done(rules, change);
  for (const each of made.toReversed()) {
    const undo = undoOf(each, rules);
    if (undo !== null) rules = done(rules, undo);
  }
  return names(rules);
}

const remove = (name: string): Change => ({ op: 'delete', chain: CHAIN, spec: spec(name) });
const insert = (name: string, at: number): Change => ({ op: 'insert', chain: CHAIN, at, spec: spec(name) });

describe('taking changes back', () => {
  it('gives the rules that were there', () => {
    expect(undone('abcd', [remove('b'), insert('X', 3), remove('d')])).toBe('abcd');
    expect(undone('a', [remove('a'), insert('X', 1)])).toBe('a');
    expect(undone('abab', [remove('b'), remove('a'), insert('X', 1)])).toBe('abab');
  });

  it('leaves what others have added and removed since', () => {
    const ours = [remove('b'), insert('X', 3)];
    expect(undone('abcd', ours, [insert('f', 1)])).toBe('fabcd');
    expect(undone('abcd', ours, [remove('c')])).toBe('abd');
    expect(undone('abcd', ours, [remove('c'), remove('d'), remove('a')])).toBe('b');
    expect(undone('abcd', ours, [insert('g', 5)])).toBe('abcdg');
  });

  it('does nothing twice that somebody has done already', () => {
    expect(undone('abc', [remove('b'), insert('X', 1)], [remove('X'), insert('b', 1)])).toBe('bac');
  });

  it('gives the rules that were there, whatever the changes', () => {
    let state = 3;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    for (let run = 0; run < 3_000; run++) {
      const start = Array.from({ length: below(6) }, () => 'abc'[below(3)]).join('');
      let rules: readonly (readonly string[])[] = rulesOf(start);
      const ours: Change[] = [];
      for (let count = below(5); count > 0; count--) {
        const there = names(rules);
        const change =
          below(2) === 0 && there.length > 0
            ? remove(there[below(there.length)] ?? '')
            : insert('PQRSTUV'[count] ?? '', below(there.length + 1) + 1);
        ours.push(change);
        rules = done(rules, change);
      }
      expect(undone(start, ours), JSON.stringify(ours)).toBe(start);
    }
  });
});
