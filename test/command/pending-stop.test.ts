import { describe, expect, it } from 'vitest';
import { inherited, type PendingStop, PendingStops, saved } from '../../src/command/pending-stop.ts';
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
    state: 'waiting',
    failures: 0,
    isDry: false,
    isInherited: false,
    ...parts,
  };
}

describe('a pending stop command', () => {
  it('is due at its time, once', () => {
    const stops = new PendingStops();
    const it = stop(10);
    stops.set(it);
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.takeDue(9)).toEqual([]);
    expect(stops.takeDue(10)).toEqual([{ ...it, state: 'running' }]);
    expect(stops.takeDue(11)).toEqual([]);
    expect(stops.nextDeadline()).toBeNull();
  });

  it('does not wait for an earlier one that is due later', () => {
    const stops = new PendingStops();
    const [late, early, middle] = [stop(30), stop(10), stop(20)];
    for (const each of [late, early, middle]) stops.set(each);
    expect(stops.nextDeadline()).toBe(10);
    expect(stops.takeDue(20)).toEqual([
      { ...early, state: 'running' },
      { ...middle, state: 'running' },
    ]);
    expect(stops.all().filter(({ state }) => state !== 'running')).toEqual([late]);
  });

  it('runs once for each start, even of the same door and source at the same moment', () => {
    const stops = new PendingStops();
    stops.set(stop(10));
    stops.set(stop(10));
    expect(stops.takeDue(10)).toHaveLength(2);
  });

  it('is moved by one of its id, and found by its door and source', () => {
    const stops = new PendingStops();
    const it = stop(10);
    stops.set(it);
    stops.set({ ...it, dueAt: 40 });
    expect(stops.nextDeadline()).toBe(40);
    expect(stops.of('ssh', it.source)).toEqual({ ...it, dueAt: 40 });
    expect(stops.of('ssh', address('10.0.0.8'))).toBeNull();
    expect(stops.scheduled).toBe(1);
  });
});

describe('stop commands of one door and source', () => {
  const { source } = stop(0);
  const of = (...states: PendingStop['state'][]) => {
    const stops = new PendingStops();
    for (const [index, state] of states.entries()) stops.set(stop(10 * (index + 1), { state }));
    return { found: stops.of('ssh', source)?.state ?? null, scheduled: stops.scheduled };
  };

  it.each<[PendingStop['state'][], PendingStop['state'] | null, number]>([
    [['open', 'starting'], 'starting', 1],
    [['waiting', 'open'], 'waiting', 2],
    [['open', 'waiting'], 'open', 2],
    [['running', 'retrying'], 'retrying', 1],
    [['running'], null, 0],
  ])('%j: a second knock finds %s', (states, found, scheduled) => {
    expect(of(...states)).toEqual({ found, scheduled });
  });

  it('run at once when the door is gone, unless they run already', () => {
    const stops = new PendingStops();
    const all = [
      stop(10, { state: 'open' }),
      stop(20),
      stop(30, { state: 'running' }),
      stop(40, { door: 'web' }),
    ];
    for (const each of all) stops.set(each);
    stops.expedite(new Set(['web']));
    expect(stops.takeDue(0).map(({ id }) => id)).toEqual(all.slice(0, 2).map(({ id }) => id));
    expect(stops.nextDeadline()).toBe(40);
  });

  it('are forgotten once they have run, also by the next deadline', () => {
    const stops = new PendingStops();
    const [early, late] = [stop(10), stop(20)];
    for (const each of [early, late]) stops.set(each);
    stops.delete(early.id);
    expect(stops.nextDeadline()).toBe(20);
    stops.delete(late.id);
    expect(stops.nextDeadline()).toBeNull();
    expect(stops.all()).toEqual([]);
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
    expect(inherited(saved(it7, before), clocks)).toEqual({ ...it7, dueAt, isInherited: true });
  });

  it('whose start command ran before a reboot is no longer starting', () => {
    const starting = saved(stop(10, { state: 'starting' }), before);
    expect(inherited(starting, before).state).toBe('starting');
    expect(inherited(starting, { ...before, boot: 'two' }).state).toBe('waiting');
  });

  it('that has failed is still retried', () => {
    const failed = saved(stop(10, { state: 'retrying', failures: 2 }), before);
    expect(inherited(failed, before)).toMatchObject({ state: 'retrying', failures: 2 });
  });
});
