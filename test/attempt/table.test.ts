import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../src/attempt/deadlines.ts';
import { Engine } from '../../src/attempt/engine.ts';
import { SourceSlots } from '../../src/attempt/source-slots.ts';
import { switchesFor } from '../../src/attempt/switches.ts';
import { numbersOf } from '../../src/lib/address.ts';
import type { Lock, Packet } from '../../src/model.ts';
import { address, asPort, door, packet, packets } from './traffic.ts';

const SSH = door('ssh: 7000,8000,9000 syn 5');
const CAPACITY = 100;

function engine(doors: readonly Lock[], capacity = CAPACITY): Engine {
  return new Engine(doors, switchesFor('none', 8), { capacity });
}

function flood(count: number, port: number, time: number): Packet[] {
  return Array.from({ length: count }, (_, n) =>
    packet({ src: address(`10.9.${n >> 8}.${n & 255}`), dpt: asPort(port), flags: 2, time: time + n }),
  );
}

describe('the table of attempts', () => {
  it('never grows past its bound', () => {
    const full = engine([SSH]);
    for (const knock of flood(1_000, 7_000, 0)) full.handlePacket(knock);
    expect([full.size, full.evicted]).toEqual([CAPACITY, 1_000 - CAPACITY]);
  });

  it('gives up the oldest first knock, and spares an attempt that has got further', () => {
    const flooded = engine([SSH]);
    const [first, second, third] = packets('a>7000 a>8000 a>9000');
    if (first === undefined || second === undefined || third === undefined) return expect.fail();
    flooded.handlePacket(first);
    flooded.handlePacket(second);
    for (const knock of flood(10_000, 7_000, second.time)) flooded.handlePacket(knock);
    expect(flooded.handlePacket(third).map(({ event }) => event)).toEqual(['stage', 'open']);
  });

  it('is empty again once all that was begun has ended', () => {
    const drained = engine([SSH]);
    for (const knock of flood(CAPACITY, 7_000, 0)) drained.handlePacket(knock);
    const timeouts = drained.handleTimeout(5_000_000 + CAPACITY);
    expect(timeouts.map(({ event }) => event)).toEqual(new Array(CAPACITY).fill('timeout'));
    expect([drained.size, drained.nextDeadline()]).toEqual([0, null]);
  });

  it('holds a few hundred attempts of one IPv6 network at most, and spares those that have got further', () => {
    const flooded = engine([SSH], 65_536);
    const client = (n: number) => address(`2001:db8::${(n + 1).toString(16)}`);
    const knock = (n: number, port: number, time: number) =>
      flooded.handlePacket(packet({ src: client(n), dpt: asPort(port), flags: 2, time }));
    knock(0, 7_000, 0);
    knock(0, 8_000, 1);
    for (let n = 1; n < 10_000; n++) knock(n, 7_000, 1 + n);
    expect(flooded.size).toBe(256);
    expect(knock(0, 9_000, 20_000).map(({ event }) => event)).toEqual(['stage', 'open']);
    expect(knock(9_999, 8_000, 20_001).map(({ event }) => event)).toEqual(['stage']);
    const other = packet({ src: address('2001:db8:1::1'), dpt: asPort(7_000), flags: 2, time: 20_002 });
    expect(flooded.handlePacket(other).map(({ event }) => event)).toEqual(['stage']);
    expect(flooded.size).toBe(256);
  });
});

describe('the index of sources', () => {
  it('has one entry for all addresses of an IPv6 network', () => {
    const sources = new SourceSlots(CAPACITY);
    sources.set(0, numbersOf(address('2001:db8::1')), 7);
    const found = ['2001:db8::2', '2001:db8:0:1::1', '32.1.13.184'].map((text) =>
      sources.get(0, numbersOf(address(text))),
    );
    expect(found).toEqual([7, -1, -1]);
  });

  it('knows the sources of each host after any additions and removals as a map does', () => {
    const host = fc.oneof(
      fc.nat(40).map((n) => `10.0.${n & 3}.${n}`),
      fc.nat(5).map((n) => `fd77:0:0:${n}::1`),
      fc.ipV4(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(host, fc.nat(2), fc.boolean()), { maxLength: 200 }), (steps) => {
        const [clients, map] = [new SourceSlots(CAPACITY), new Map<string, number>()];
        steps.forEach(([text, at, isAdded], slot) => {
          const client = numbersOf(address(text));
          const key = `${at} ${text}`;
          expect(clients.get(at, client)).toBe(map.get(key) ?? -1);
          if (isAdded && map.size < CAPACITY) {
            clients.set(at, client, slot);
            map.set(key, slot);
          } else if (map.delete(key)) clients.delete(at, client);
        });
        for (const [key, slot] of map) {
          const [at = '', text = ''] = key.split(' ');
          expect(clients.get(Number(at), numbersOf(address(text)))).toBe(slot);
        }
      }),
    );
  });
});

describe('time', () => {
  it('the next deadline is the start of the oldest attempt plus its window', () => {
    const waiting = engine([SSH]);
    expect(waiting.nextDeadline()).toBeNull();
    const [a, b] = packets('a>7000 b>7000');
    if (a === undefined || b === undefined) return expect.fail();
    waiting.handlePacket(a);
    waiting.handlePacket(b);
    expect(waiting.nextDeadline()).toBe(a.time + SSH.seqTimeoutUs);
  });

  it('a call for which nothing is due does nothing', () => {
    const early = engine([SSH]);
    const [a] = packets('7000');
    if (a === undefined) return expect.fail();
    early.handlePacket(a);
    expect(early.handleTimeout(a.time + SSH.seqTimeoutUs - 1)).toEqual([]);
    expect(early.handleTimeout(a.time + SSH.seqTimeoutUs).map(({ event }) => event)).toEqual(['timeout']);
  });
});

it('a sequence that is no longer live takes its attempts with it, and tells the door what was used', () => {
  const first = door('once: 1001,1002 - 5').sequences(0);
  const second = door('once: 2001,2002 - 5').sequences(0);
  const used: unknown[] = [];
  let live = first;
  const once: Lock = {
    ...door('once: 1 - 5'),
    sequences: () => live,
    used: (sequence) => {
      used.push(sequence);
      live = second;
    },
  };
  const engine = new Engine([once], switchesFor('none', 8), { capacity: CAPACITY });
  const opens = packets('b>1001 a>1001 a>1002 b>1002 a>1001 a>1002 a>2001 b>2001 b>2002 a>2002').flatMap(
    (knock, index) => engine.handlePacket(knock).flatMap(({ event }) => (event === 'open' ? [index] : [])),
  );
  expect(opens).toEqual([2, 8, 9]);
  expect(used).toEqual([first[0], second[0], second[0]]);
});

it('deadlines come out in order whatever was set, moved and deleted', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(19), fc.nat(1_000), fc.boolean()), { maxLength: 60 }), (steps) => {
      const deadlines = new Deadlines(20);
      const model = new Map<number, number>();
      for (const [slot, deadline, remove] of steps) {
        if (remove) {
          deadlines.delete(slot);
          model.delete(slot);
        } else {
          deadlines.set(slot, slot % 3, deadline);
          model.set(slot, deadline);
        }
        expect(deadlines.first()?.deadline ?? null).toBe(
          model.size === 0 ? null : Math.min(...model.values()),
        );
      }
      const drained: number[] = [];
      for (let first = deadlines.first(); first !== null; first = deadlines.first()) {
        drained.push(first.deadline);
        deadlines.delete(first.slot);
      }
      expect(drained).toEqual([...model.values()].sort((a, b) => a - b));
    }),
  );
});
