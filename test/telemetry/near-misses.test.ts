/** Who came near. */

import { expect, it } from 'vitest';
import type { Decision } from '../../src/model.ts';
import { describeNearMiss } from '../../src/telemetry/messages.ts';
import { NearMisses, UNFINISHED } from '../../src/telemetry/near-misses.ts';
import { address } from '../openings.ts';

const S = 1_000_000;
const MINUTE = 60 * S;

function decision(parts: Partial<Decision> & { from?: string }): Decision {
  const { from = '192.0.2.7', ...rest } = parts;
  return {
    ...{ time: 0, event: 'timeout', door: 'ssh', host: '', source: address(from) },
    ...{ stage: 1, of: 3, why: null },
    ...rest,
  };
}

const said = (misses: NearMisses, ...decisions: Decision[]): string[] =>
  misses.among(decisions).map(describeNearMiss);

it('an attempt that ends with all steps but one is a near miss', () => {
  const misses = new NearMisses();
  const line = '192.0.2.7: near miss: ssh: 2 of 3 steps';
  expect(said(misses, decision({ stage: 2 }))).toEqual([line]);
  expect(said(misses, decision({ event: 'reset', why: 'wrong packet', stage: 2 }))).toEqual([line]);
  expect(said(misses, decision({ stage: 1 }), decision({ event: 'stage', stage: 2 }))).toEqual([]);
});

it('one knock at a door of two is none', () => {
  expect(said(new NearMisses(), decision({ stage: 1, of: 2 }))).toEqual([]);
});

it('a touched trap is one, and the attempt that it ends is not another', () => {
  const reset = decision({ event: 'reset', why: 'trap', stage: 2 });
  const trap = decision({ event: 'trap', stage: 0, of: 0 });
  expect(said(new NearMisses(), reset, trap)).toEqual(['192.0.2.7: near miss: ssh: touched a trap']);
});

it('who opens a door is not near another for ten minutes', () => {
  const misses = new NearMisses();
  const other = decision({ door: 'web', event: 'reset', why: 'wrong packet', stage: 2 });
  expect(said(misses, other, decision({ event: 'open', stage: 3 }))).toEqual([]);
  expect(said(misses, decision({ door: 'db', stage: 2, time: 9 * MINUTE }))).toEqual([]);
  expect(said(misses, decision({ door: 'db', stage: 2, time: 11 * MINUTE }))).toHaveLength(1);
});

it('who fails five times within ten minutes is told of, and then begins anew', () => {
  const misses = new NearMisses();
  const lines = Array.from({ length: 2 * UNFINISHED }, (_, minute) =>
    said(misses, decision({ time: minute * MINUTE })),
  );
  expect(lines.map((it) => it.length)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(lines[4]).toEqual(['192.0.2.7: near miss: 5 attempts within 10 minutes opened nothing']);
});

it('who fails now and then is not', () => {
  const misses = new NearMisses();
  for (let hour = 0; hour < 50; hour++) {
    expect(said(misses, decision({ time: 5 * hour * MINUTE }))).toEqual([]);
  }
});

it('one packet that ends attempts at several doors is one failure', () => {
  const misses = new NearMisses();
  for (let minute = 0; minute < UNFINISHED - 1; minute++) {
    const time = minute * MINUTE;
    expect(said(misses, decision({ time }), decision({ time, door: 'web' }))).toEqual([]);
  }
});

it('a sweep is told once in ten minutes', () => {
  const misses = new NearMisses();
  const sweeper = address('2001:db8::7');
  const told = [0, 1, 9, 10, 11].map((minute) => misses.swept('', sweeper, minute * MINUTE));
  expect(told.map((miss) => miss !== null)).toEqual([true, false, false, true, false]);
  expect(told.flatMap((miss) => (miss === null ? [] : describeNearMiss(miss)))[0]).toBe(
    '2001:db8::7: near miss: port sweep',
  );
});

it('a clock that was set back excuses nobody', () => {
  const misses = new NearMisses();
  const source = address('192.0.2.7');
  misses.swept('', source, 600 * MINUTE);
  misses.among([decision({ event: 'open', stage: 3, time: 600 * MINUTE })]);
  expect(misses.swept('', source, 0)).not.toBeNull();
  expect(said(misses, decision({ stage: 2, time: 0 }))).toHaveLength(1);
});

it('sources beyond its capacity make it forget the oldest', () => {
  const misses = new NearMisses(4);
  for (let host = 1; host <= 4; host++) misses.swept('', address(`192.0.2.${host}`), host);
  expect(misses.swept('', address('192.0.2.4'), 5)).toBeNull();
  expect(misses.swept('', address('192.0.2.1'), 6)).toBeNull();
  for (let host = 10; host <= 14; host++) misses.swept('', address(`192.0.2.${host}`), host);
  expect(misses.swept('', address('192.0.2.4'), 20)).not.toBeNull();
});
