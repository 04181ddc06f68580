import { describe, expect, it } from 'vitest';
import { type PendingStop, StopSchedule, saved, takenOver } from '../../src/opening/stop.ts';
import { address } from '../openings.ts';

let count = 0;
function stop(dueAt: number, parts: Partial<PendingStop> = {}): PendingStop {
  const id = String(++count);
  const source = address('10.0.0.7');
  return {
    id,
    door: 'ssh',
    source,
    command: 'true',
    waitUs: 100,
    dueAt,
    isStarting: false,
    failures: 0,
    ...parts,
  };
}

describe('a pending stop command', () => {
  it('is due at its moment, and once', () => {
    const stops = new StopSchedule();
    const it = stop(10);
    stops.add(it);
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.due(9)).toEqual([]);
    expect(stops.due(10)).toEqual([it]);
    expect(stops.due(11)).toEqual([]);
    expect(stops.nextDeadline()).toBeNull();
  });

  it('does not wait for one that came before it and is due later', () => {
    const stops = new StopSchedule();
    const [late, early, middle] = [stop(30), stop(10), stop(20)];
    for (const each of [late, early, middle]) stops.add(each);
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.due(20)).toEqual([early, middle]);
    expect(stops.all()).toEqual([late]);
  });

  it('runs once for each start, even of the same door and source at the same moment', () => {
    const stops = new StopSchedule();
    stops.add(stop(10));
    stops.add(stop(10));
    expect(stops.due(10)).toHaveLength(2);
  });

  it('is moved by one of its id, and found by its door and source', () => {
    const stops = new StopSchedule();
    const it = stop(10);
    stops.add(it);
    stops.add({ ...it, dueAt: 40 });
    expect(stops.nextDeadline()).toBe(40);
    expect(stops.of('ssh', it.source)).toEqual({ ...it, dueAt: 40 });
    expect(stops.of('ssh', address('10.0.0.8'))).toBeNull();
    expect(stops.size).toBe(1);
  });
});

describe('a stop command of another daemon', () => {
  const before = { boot: 'one', now: 1_000, wall: 50_000 };
  const it7 = stop(1_060);

  it.each([
    ['the wall clock was set back', { boot: 'one', now: 1_020, wall: 20 }, 1_060],
    ['the wall clock was set forward', { boot: 'one', now: 1_020, wall: 90_000 }, 1_060],
    ['it is overdue', { boot: 'one', now: 2_000, wall: 51_000 }, 1_060],
    ['the machine has booted: its wall clock counts', { boot: 'two', now: 5, wall: 50_020 }, 45],
    ['the machine has booted, and it is overdue', { boot: 'two', now: 5, wall: 50_900 }, -835],
    [
      'the machine has booted with its clock set back: cmd_timeout at the latest',
      { boot: 'two', now: 5, wall: 0 },
      105,
    ],
    ['the boot is not known: the wall clock counts', { boot: null, now: 1_020, wall: 50_020 }, 1_060],
    [
      'the uptime is that of another container: cmd_timeout at the latest',
      { boot: 'one', now: 3, wall: 50_020 },
      103,
    ],
  ])('%s', (_, clocks, dueAt) => {
    expect(takenOver(saved(it7, before), clocks)).toEqual({ ...it7, dueAt });
  });

  it('whose start command a reboot has ended has started', () => {
    const starting = saved(stop(10, { isStarting: true }), before);
    expect(takenOver(starting, before).isStarting).toBe(true);
    expect(takenOver(starting, { ...before, boot: 'two' }).isStarting).toBe(false);
  });
});
