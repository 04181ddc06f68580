import { expect, it } from 'vitest';
import type { Decision } from '../../../src/model.ts';
import { Knocks } from '../../../src/tools/report/knocks.ts';
import { toAddress } from './traffic.ts';

const decision = (event: Decision['event'], stage: number, of = 3, door = 'ssh'): Decision => ({
  time: 1_000_000 * stage,
  event,
  door,
  host: '',
  source: toAddress('192.0.2.7'),
  stage,
  of,
  why: null,
});

it('counts openings and traps, and knows the last opening', () => {
  const knocks = new Knocks(['ssh', 'web']);
  knocks.add([decision('stage', 3), decision('open', 3), decision('trap', 0, 0, 'web')]);
  expect(knocks.read()).toEqual([
    { door: 'ssh', openings: 1, nearMisses: 0, traps: 0, lastOpening: 3_000_000 },
    { door: 'web', openings: 0, nearMisses: 0, traps: 1, lastOpening: null },
  ]);
});

it.each([
  ['reset', 2, 3, 1],
  ['timeout', 2, 4, 1],
  ['timeout', 1, 3, 0],
  ['reset', 1, 2, 1],
  ['stage', 2, 3, 0],
] as const)('%s at step %i of %i is %i near misses', (event, stage, of, nearMisses) => {
  const knocks = new Knocks(['ssh']);
  knocks.add([decision(event, stage, of)]);
  expect(knocks.read()).toMatchObject([{ nearMisses }]);
});
