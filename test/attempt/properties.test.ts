/** What holds for the engine whatever the doors and the traffic. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision, Packet } from '../../src/model.ts';
import { oracle } from './oracle.ts';
import { type Scene, sceneFrom } from './random.ts';
import { play, portOf } from './traffic.ts';

const RUNS = 100_000;
const MINUTES_MS = 60_000;

const scenes = fc
  .tuple(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ minLength: 8, maxLength: 56 }))
  .map(([doors, packets]) => sceneFrom(doors, packets));

function holds(runs: number, property: (scene: Scene) => void): void {
  fc.assert(fc.property(scenes, property), { numRuns: runs });
}

/** Every packet from a port of its own, so that none repeats another. */
function withoutRepeats({ doors, packets }: Scene): Scene {
  return { doors, packets: packets.map((packet, index) => ({ ...packet, seq: index })) };
}

const opensOf = (text: string): string => text.split(' ').sort().join(' ').trim();

describe('by default', () => {
  it(
    'a door opens exactly when the last packets it saw inside its window are its sequence',
    () => {
      let opened = 0;
      holds(RUNS, (scene) => {
        const { doors, packets } = withoutRepeats(scene);
        const { opens } = play(doors, packets);
        if (opens !== '') opened++;
        expect(opensOf(opens)).toBe(oracle(doors, packets));
      });
      expect(opened, 'the traffic must open doors, else it proves nothing').toBeGreaterThan(RUNS / 20);
    },
    5 * MINUTES_MS,
  );

  it('a retransmission of a knock never keeps a door shut that would have opened', () => {
    holds(20_000, (scene) => {
      const { doors, packets } = withoutRepeats(scene);
      const [first] = doors;
      const [sequence = []] = first?.sequences(0) ?? [];
      if (first === undefined || sequence.length < 2) return;
      const knock = sequence.map((awaited, step): Packet => {
        const { proto } = awaited;
        const time = 1_795_219_200_000_000 + step * 50_000;
        const flags = proto === 'tcp' ? 2 : null;
        return {
          ...(packets[0] ?? expect.fail('no packet')),
          time,
          proto,
          dpt: portOf(awaited),
          flags,
          spt: null,
          id: step,
          seq: step,
        };
      });
      const again = knock.flatMap((packet, step) => {
        const isLast = step === knock.length - 1;
        const repeats = knock
          .slice(0, step + 1)
          .map((old, i) => ({ ...old, time: packet.time + 3_000 * (i + 1), id: 100 + i }));
        return isLast ? [packet] : [packet, ...repeats];
      });
      expect(play([first], again).opens).toContain('door0@');
    });
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
          if (awaited !== undefined && portOf(awaited) === packet.dpt && awaited.proto === packet.proto)
            step++;
        }
        expect(step, open).toBe(sequence.length);
      }
    });
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
          expect(guarded.decisions.some(same) || strays(packets, doors, open.source) > 8).toBe(true);
        }
      });
    });
    expect(compared).toBeGreaterThan(RUNS / 20);
  },
  5 * MINUTES_MS,
);

function strays(packets: readonly Packet[], doors: Scene['doors'], source: string): number {
  const known = doors.flatMap((door) =>
    door
      .sequences(0)
      .flat()
      .map((step) => `${step.proto} ${portOf(step)}`),
  );
  const touched = packets.filter(({ src }) => src === source).map(({ proto, dpt }) => `${proto} ${dpt}`);
  return new Set(touched.filter((port) => !known.includes(port))).size;
}
