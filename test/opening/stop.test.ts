import { describe, expect, it } from 'vitest';
import { type PendingStop, StopSchedule } from '../../src/opening/stop.ts';
import { address } from '../openings.ts';

function stop(dueAt: number, command = 'true'): PendingStop {
  return { door: 'ssh', source: address('10.0.0.7'), command, dueAt };
}

describe('a pending stop command', () => {
  it('is due at its moment, and once', () => {
    const stops = new StopSchedule();
    stops.add(stop(10));
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.due(9)).toEqual([]);
    expect(stops.due(10)).toEqual([stop(10)]);
    expect(stops.due(11)).toEqual([]);
    expect(stops.nextDeadline()).toBeNull();
  });

  it('does not wait for one that came before it and is due later', () => {
    const stops = new StopSchedule();
    for (const dueAt of [30, 10, 20]) stops.add(stop(dueAt));
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.due(20)).toEqual([stop(10), stop(20)]);
    expect(stops.all()).toEqual([stop(30)]);
  });

  it('runs once for each start, even of the same door and source at the same moment', () => {
    const stops = new StopSchedule();
    stops.add(stop(10));
    stops.add(stop(10));
    expect(stops.due(10)).toHaveLength(2);
  });
});
