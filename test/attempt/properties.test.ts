/** What holds for the engine whatever the doors and the traffic. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/attempt/engine.ts';
import { switchesFor } from '../../src/attempt/switches.ts';
import { numbersOf } from '../../src/lib/address.ts';
import { type Decision, type Lock, type Packet, type Step, UDP_PORTS } from '../../src/model.ts';
import { runs } from '../support/runs.ts';
import { fitsStep, isSweeping, oracle, straysOf } from './oracle.ts';
import { type Scene, sceneFrom } from './random.ts';
import { address, asPort, door, packet, play } from './traffic.ts';

const RUNS = runs(5_000);
const MINUTES_MS = 60_000;

const scenes = fc
  .tuple(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ minLength: 8, maxLength: 56 }))
  .map(([doors, packets]) => sceneFrom(doors, packets));

function holds(numRuns: number, property: (scene: Scene) => void): void {
  fc.assert(fc.property(scenes, property), { numRuns });
}

const newEngine = (doors: readonly Lock[]): Engine =>
  new Engine(doors, switchesFor('none', 8), { capacity: 64 });
const opensOf = (text: string): string => text.split(' ').sort().join(' ').trim();

describe('by default', () => {
  it(
    'a door opens exactly when packets are its sequence, inside its window, with nothing but repeats between them',
    () => {
      let opened = 0;
      holds(RUNS, ({ doors, packets }) => {
        const { opens } = play(doors, packets);
        if (opens !== '') opened++;
        expect(opensOf(opens)).toBe(oracle(doors, packets));
      });
      expect(opened, 'the traffic must open doors, else it proves nothing').toBeGreaterThan(RUNS / 20);
    },
    5 * MINUTES_MS,
  );

  it('a whole knock opens its door, at its last packet at the latest, whatever the client sent before', () => {
    let knocked = 0;
    holds(RUNS / 4, ({ doors, packets }) => {
      const client = '192.0.2.1';
      if (hasSwept(packets, doors, client)) return;
      knocked++;
      for (const lock of doors) {
        const knock = knockAt(lock, (packets.at(-1)?.time ?? 0) + 1_000);
        const opens = play(doors, [...packets, ...knock]).opens.split(' ');
        const indices = opens.filter((open) => open.startsWith(`${lock.name}@`)).map((o) => o.split('@')[1]);
        expect(Number(indices.at(-1) ?? -1)).toBeGreaterThanOrEqual(packets.length);
      }
    });
    expect(knocked).toBeGreaterThan(RUNS / 8);
  });

  it('a knock with any steps repeated once they are taken opens, and so do all 32 steps of a long one', () => {
    const steps = fc.array(fc.nat(4), { minLength: 1, maxLength: 32 });
    const repeats = fc.array(fc.tuple(fc.nat(31), fc.nat(31)), { maxLength: 40 });
    fc.assert(
      fc.property(steps, repeats, (ports, again) => {
        const lock = door(`long: ${ports.map((port) => 100 + port).join(',')} syn 60`);
        const knock = knockAt(lock, 0);
        const noisy = knock.flatMap((knock, step) => [
          knock,
          ...again
            .filter(([after, which]) => after === step && which <= step && step < ports.length - 1)
            .map(([, which]) => ({ ...knock, dpt: asPort(100 + (ports[which] ?? 0)) })),
        ]);
        const sent = noisy.map((packet, index) => ({ ...packet, time: index * 1_000, id: index }));
        expect(play([lock], sent).opens).toMatch(/^long@/);
      }),
      { numRuns: runs(500) },
    );
  });
});

describe.each(['none', 'knockd'] as const)('with compat: %s', (compat) => {
  it('a door never opens without its whole sequence, in order, inside its window, from one source', () => {
    holds(RUNS / 4, ({ doors, packets }) => {
      for (const open of play(doors, packets, compat)
        .opens.split(' ')
        .filter((text) => text !== '')) {
        const [name, index] = open.split('@');
        const door = doors.find((other) => other.name === name) ?? expect.fail(open);
        const end = packets[Number(index)] ?? expect.fail(open);
        const inWindow = packets.slice(0, Number(index) + 1).filter((p) => {
          return p.src === end.src && (p === end || end.time - p.time < door.seqTimeoutUs);
        });
        let step = 0;
        const [sequence = []] = door.sequences(end.time);
        for (const packet of inWindow) {
          const awaited = sequence[step];
          if (awaited !== undefined && fitsStep(awaited, packet)) step++;
        }
        expect(step, open).toBe(sequence.length);
      }
    });
  });

  it('a packet that is noted, where that is enough, changes nothing of what is decided', () => {
    let noted = 0;
    holds(RUNS, ({ doors, packets }) => {
      const [full, quick] = [newEngine(doors), newEngine(doors)];
      for (const packet of packets) {
        const told = [...full.handleTimeout(packet.time), ...full.handlePacket(packet)];
        const port =
          packet.dpt === null ? null : packet.proto === 'udp' ? UDP_PORTS | packet.dpt : packet.dpt;
        const quickly = [...quick.handleTimeout(packet.time)];
        if (port !== null && quick.noted('', numbersOf(packet.src), port, packet.time)) noted++;
        else quickly.push(...quick.handlePacket(packet));
        expect(quickly).toEqual(told);
      }
    });
    expect(noted).toBeGreaterThan(RUNS);
  });

  it('two sources never affect each other, whatever the interleaving', () => {
    holds(RUNS / 4, ({ doors, packets }) => {
      const end = packets.at(-1)?.time;
      const together = play(doors, packets, compat, {}, end).decisions;
      for (const source of new Set(packets.map(({ src }) => src))) {
        const own = packets.filter(({ src }) => src === source);
        const alone = play(doors, own, compat, {}, end).decisions;
        const told = (decisions: readonly Decision[]) =>
          decisions
            // In knockd an expiry is noticed at anybody's packet, so the moment at which it is told may differ.
            .filter(({ source: its, event }) => its === source && (compat === 'none' || event !== 'timeout'))
            .map(({ event, door, stage, time }) => `${event} ${door} ${stage} ${time}`)
            // Doors whose attempts end together are told in any order.
            .sort();
        expect(told(together)).toEqual(told(alone));
      }
    });
  });
});

it(
  'whenever knockd opens a door, the default has opened it inside the same window',
  () => {
    let compared = 0;
    holds(RUNS, ({ doors, packets }) => {
      const byDefault = play(doors, packets, 'none', { sweepGuard: 0 });
      const guarded = play(doors, packets, 'none');
      const { decisions } = play(doors, packets, 'knockd');
      decisions.forEach((open, index) => {
        if (open.event !== 'open') return;
        compared++;
        const start = decisions
          .slice(0, index)
          .findLast(
            (d) => d.event === 'stage' && d.stage === 1 && d.door === open.door && d.source === open.source,
          );
        const same = ({ event, door, source, time }: Decision) =>
          event === 'open' &&
          door === open.door &&
          source === open.source &&
          time >= (start?.time ?? open.time) &&
          time <= open.time;
        expect(byDefault.decisions.some(same)).toBe(true);
        if (!guarded.decisions.some(same)) {
          expect(guarded.decisions.some(same) || hasSwept(packets, doors, open.source)).toBe(true);
        }
      });
    });
    expect(compared).toBeGreaterThan(RUNS / 20);
  },
  5 * MINUTES_MS,
);

/** Whether a client was sweeping at some moment. */
function hasSwept(packets: readonly Packet[], doors: readonly Lock[], client: string): boolean {
  return packets.some(({ time }, index) => {
    const strays = straysOf(packets.slice(0, index + 1), doors, client);
    return doors.some(({ seqTimeoutUs }) => isSweeping(strays, time, seqTimeoutUs));
  });
}

/** The packets of one whole knock at a door, a millisecond apart. */
function knockAt(lock: Lock, start: number): Packet[] {
  const [sequence = []] = lock.sequences(start);
  return sequence.map((step, index) => knockOn(step, start + index * 1_000, 1_000 + index));
}

function knockOn(step: Step, time: number, id: number): Packet {
  const fields = { src: address('192.0.2.1'), time, id };
  if (step.proto === 'icmp')
    return packet({
      ...fields,
      proto: 'icmp',
      spt: null,
      icmp: { type: 8, code: 0 },
      len: 28 + (step.size ?? 8),
    });
  return packet({ ...fields, proto: step.proto, dpt: step.port, flags: step.proto === 'tcp' ? 2 : null });
}
