import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrequentItems } from '../../../src/tools/report/frequent-items.ts';

it('is exact up to its capacity, the most frequent first', () => {
  const tally = new FrequentItems<string>(3);
  for (const key of ['a', 'b', 'b', 'c', 'c', 'c']) tally.add(key);
  expect(tally.top(2)).toEqual({
    rows: [
      { key: 'c', packets: 3, atMost: 3 },
      { key: 'b', packets: 2, atMost: 2 },
    ],
    distinct: 3,
    isExact: true,
  });
});

it('keeps what is frequent among a flood of what is not, and says that it may be more', () => {
  const tally = new FrequentItems<number>(100);
  for (let index = 0; index < 10_000; index++) tally.add(index % 10 === 0 ? -1 : index);
  const { rows, distinct, isExact } = tally.top(1);
  const [first] = rows;
  expect(first?.key).toBe(-1);
  expect(first?.packets).toBeLessThanOrEqual(1_000);
  expect(first?.atMost).toBeGreaterThanOrEqual(1_000);
  expect([distinct, isExact]).toEqual([100, false]);
});

it('never counts too much, nor too little by more than it says', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), fc.integer({ min: 1, max: 12 }), (keys, capacity) => {
      const tally = new FrequentItems<number>(capacity);
      for (const key of keys) tally.add(key);
      const { rows, distinct } = tally.top(capacity);
      expect(rows.length).toBeLessThanOrEqual(capacity);
      expect(distinct).toBeLessThanOrEqual(new Set(keys).size);
      for (const { key, packets, atMost } of rows) {
        const truly = keys.filter((other) => other === key).length;
        expect(packets).toBeLessThanOrEqual(truly);
        expect(atMost).toBeGreaterThanOrEqual(truly);
        expect(atMost - packets).toBeLessThanOrEqual((2 * keys.length) / capacity);
      }
    }),
  );
});
