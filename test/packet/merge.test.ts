/** Packets of several logs, in the order of their times, and each once. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Merge } from '../../src/packet/merge.ts';
import { packet } from '../attempt/traffic.ts';

const S = 1_000_000;
const MS = 1_000;

/** A merge of two logs, of which both were read to their ends at 0. */
function two(): Merge<'a' | 'b'> {
  const merge = new Merge<'a' | 'b'>();
  for (const log of ['a', 'b'] as const) {
    merge.join(log, 0);
    merge.drained(log, 0);
  }
  return merge;
}

/** What a log shows of one packet of the wire, numbered by its IP ID. */
function seen(log: 'a' | 'b', id: number, time: number, readAt = time, again = false) {
  return { log, packet: packet({ time, id }), readAt, again };
}

function ids(merge: Merge<'a' | 'b'>, now: number): (number | null)[] {
  return merge.take(now).map((arrival) => arrival.packet.id);
}

it('with one log nothing waits', () => {
  const merge = new Merge<'a' | 'b'>();
  merge.join('a', 0);
  merge.add(seen('a', 1, 5));
  merge.add(seen('a', 1, 5));
  expect(ids(merge, 5)).toEqual([1, 1]);
});

describe('with two logs', () => {
  it('a packet waits until the other log was read up to its moment', () => {
    const merge = two();
    merge.add(seen('a', 1, 5));
    expect(ids(merge, 6)).toEqual([]);
    merge.drained('b', 4);
    expect(ids(merge, 6)).toEqual([]);
    merge.drained('b', 5);
    expect(ids(merge, 6)).toEqual([1]);
  });

  it('a packet that both show comes once, and waits no longer', () => {
    const merge = two();
    merge.add(seen('a', 1, 5));
    merge.add(seen('b', 1, 5, 9));
    expect(ids(merge, 9)).toEqual([1]);
    merge.drained('b', 20);
    expect(ids(merge, 20)).toEqual([]);
  });

  it('a copy may be late, and its clock off by a second', () => {
    const merge = two();
    merge.add(seen('a', 1, 5));
    merge.drained('b', 6);
    expect(ids(merge, 6)).toEqual([1]);
    merge.add(seen('b', 1, 5 - S, 8 * S));
    expect(ids(merge, 8 * S)).toEqual([]);
  });

  it('a copy that could still open a door is told', () => {
    const merge = two();
    merge.remember(60 * S);
    merge.add(seen('a', 1, 5));
    expect(ids(merge, 2 * S)).toEqual([1]);
    for (let id = 2; id < 60; id++) merge.add(seen('a', id, id * S));
    ids(merge, 60 * S);
    merge.add(seen('b', 1, 5, 60 * S));
    expect(ids(merge, 62 * S)).toEqual([]);
  });

  it('what a sender has sent twice counts twice, however often each log shows it', () => {
    const merge = two();
    for (const log of ['a', 'b'] as const) {
      merge.add(seen(log, 1, 5));
      merge.add(seen(log, 1, 5 + MS));
    }
    expect(ids(merge, 2 * MS)).toEqual([1, 1]);
  });

  it('they are put in the order of their times', () => {
    const merge = two();
    merge.add(seen('a', 1, 10));
    merge.add(seen('a', 3, 30));
    merge.add(seen('b', 2, 20, 40));
    merge.drained('a', 50);
    merge.drained('b', 50);
    expect(ids(merge, 50)).toEqual([1, 2, 3]);
  });

  it('a log that is stalled is not waited for, and time passes no further than what waits', () => {
    const merge = two();
    merge.add(seen('a', 1, 5));
    expect(ids(merge, 1 * S)).toEqual([]);
    expect(merge.passedAt(1 * S)).toBe(0);
    expect(ids(merge, 1 * S + 1)).toEqual([1]);
    expect(merge.passedAt(2 * S)).toBe(2 * S);
  });

  it('what one has acted on before is not acted on for the other', () => {
    const merge = two();
    merge.add(seen('b', 1, 5));
    merge.add(seen('a', 1, 5, 6, true));
    expect(merge.take(6).map(({ again }) => again)).toEqual([true]);
  });

  it('none waits for one that has ended', () => {
    const merge = two();
    merge.add(seen('a', 1, 5));
    merge.leave('b');
    expect(ids(merge, 5)).toEqual([1]);
  });

  it('whatever each shows, and however late, each packet comes once', () => {
    const lateMs = fc.nat(50);
    const sent = fc.record({
      logs: fc.subarray(['a', 'b'] as const, { minLength: 1 }),
      lateMs: fc.record({ a: lateMs, b: lateMs }),
      isQuiet: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sent), (packets) => {
        const merge = two();
        const arrivals = packets.flatMap(({ logs, lateMs, isQuiet }, id) =>
          logs.map((log) => ({ ...seen(log, id, id * MS, (id + lateMs[log]) * MS), isQuiet })),
        );
        const came: (number | null)[] = [];
        for (const { isQuiet, ...arrival } of arrivals.sort((x, y) => x.readAt - y.readAt)) {
          merge.add(arrival);
          if (isQuiet) merge.drained(arrival.log === 'a' ? 'b' : 'a', arrival.readAt);
          came.push(...ids(merge, arrival.readAt));
        }
        came.push(...ids(merge, 1_000 * S));
        expect(came.toSorted((x, y) => (x ?? 0) - (y ?? 0))).toEqual(packets.map((_, id) => id));
      }),
    );
  });
});
