import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../../src/attempt/engine.ts';
import { switchesFor } from '../../../src/attempt/switches.ts';
import type { Decision, Lock, Packet } from '../../../src/model.ts';
import { Explanation, type Remark } from '../../../src/tools/explain/explanation.ts';
import { sceneFrom } from '../../attempt/random.ts';
import { asPort, door, packet as packetOf, packets } from '../../attempt/traffic.ts';

const CAPACITY = 64;
const BYTES = { minLength: 1, maxLength: 24 };

type Compat = 'none' | 'knockd';

function explain(doors: readonly Lock[], traffic: readonly Packet[], compat: Compat = 'none'): Remark[] {
  const switches = switchesFor(compat, compat === 'knockd' ? 0 : 8);
  const explained = doors.map((lock) => ({ lock, refusal: () => null }));
  const explanation = new Explanation(
    new Engine(doors, switches, { capacity: CAPACITY }),
    explained,
    switches,
  );
  return traffic.flatMap((packet) => [...explanation.packet(packet)]);
}

function decide(doors: readonly Lock[], traffic: readonly Packet[], compat: Compat): Decision[] {
  const engine = new Engine(doors, switchesFor(compat, compat === 'knockd' ? 0 : 8), { capacity: CAPACITY });
  return traffic.flatMap((packet) => [...engine.handleTimeout(packet.time), ...engine.handlePacket(packet)]);
}

const texts = (doors: readonly Lock[], script: string | readonly Packet[], compat: Compat = 'none') =>
  explain(doors, typeof script === 'string' ? packets(script) : script, compat).map(({ text }) => text);

describe.each(['none', 'knockd'] as const)('an explanation, compat: %s', (compat) => {
  it('says what the engine decided, on random traffic, and that a door opened just where it did', () => {
    fc.assert(
      fc.property(fc.uint8Array(BYTES), fc.uint8Array({ ...BYTES, maxLength: 120 }), (some, more) => {
        const { doors, packets: traffic } = sceneFrom(some, more);
        const said = explain(doors, traffic, compat).filter(
          ({ what }) => what !== 'miss' && what !== 'unseen',
        );
        const decided = decide(doors, traffic, compat).filter(
          ({ event, stage, of }) => event !== 'stage' || stage < of,
        );
        expect(
          said.map(({ time, source, door, what, stage, of }) => [time, source, door, what, stage, of]),
        ).toEqual(
          decided.map(({ time, source, door, event, stage, of }) => [time, source, door, event, stage, of]),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('has a word for every packet', () => {
    fc.assert(
      fc.property(fc.uint8Array(BYTES), fc.uint8Array({ ...BYTES, maxLength: 120 }), (some, more) => {
        const { doors, packets: traffic } = sceneFrom(some, more);
        const spoken = new Set(
          explain(doors, traffic, compat).flatMap((it) => (it.packet === null ? [] : [it.time])),
        );
        expect(traffic.filter(({ time }) => !spoken.has(time))).toEqual([]);
      }),
    );
  });
});

describe('an explanation', () => {
  const SSH = [door('ssh: 7000,8000:udp,9000')];

  it('tells how late a step came', () => {
    expect(texts(SSH, '7000 8000:udp +6.14 9000').at(-1)).toBe(
      '9000/tcp came 1.2 s after the 5 s window had ended',
    );
  });

  it('tells a late step under compat: knockd, which notices the end of time at the packet', () => {
    expect(texts(SSH, '7000 8000:udp +7 9000', 'knockd').slice(-2)).toEqual([
      '9000/tcp did not come within 5 s of the first knock: ended at step 2 of 3',
      '9000/tcp came 2.1 s after the 5 s window had ended',
    ]);
  });

  it('tells which protocol was awaited, in an attempt and ahead of one', () => {
    expect(texts(SSH, '7000 8000').at(-1)).toBe('8000/tcp, and the door waits for 8000/udp');
    expect(texts(SSH, '7000:udp')).toEqual(['7000/udp, and the door begins with 7000/tcp']);
    expect(texts(SSH, '9000:udp')).toEqual(['9000/udp, and the door has 9000/tcp']);
  });

  it('tells that what came last still counts when time ends a longer attempt', () => {
    expect(texts([door('a: 1,1,2 - 5')], '1 +3 1 +3 5').slice(1, 4)).toEqual([
      '1/tcp is step 2 of 3, 2/tcp comes next',
      '2/tcp did not come within 5 s of the first knock: ended at step 2 of 3',
      'what came last still counts: step 1 of 3, 1/tcp comes next',
    ]);
  });

  it('says that a packet repeats a step, from whatever source port', () => {
    expect(texts(SSH, '7000 8000:udp 8000:udp').at(-1)).toBe(
      '8000/udp repeats a step already taken: ignored',
    );
    expect(texts(SSH, '7000 8000:udp =7000').at(-1)).toBe(
      '7000/tcp repeats the first step: ignored, or the start of another knock',
    );
    expect(texts([door('a: 1,1,2')], '1 1 1 2').slice(1)).toEqual([
      '1/tcp is step 2 of 3, 2/tcp comes next',
      '1/tcp repeats the first step: ignored, or the start of another knock',
      '2/tcp is step 3 of 3: opened',
    ]);
  });

  it('tells which attempt keeps others from beginning under compat: knockd', () => {
    const doors = [door('a: 1,2'), door('b: 3,4')];
    expect(texts(doors, '1 3', 'knockd')).toEqual([
      '1/tcp is step 1 of 2, 2/tcp comes next',
      '3/tcp is a wrong packet, the door waited for 2/tcp: discarded at step 1 of 2',
      '3/tcp begins nothing: another attempt of the source is running, and under compat: knockd no other begins',
    ]);
  });

  it('has a word for what is no knock at all', () => {
    const ping = packetOf({ proto: 'icmp', icmp: { type: 3, code: 1 } });
    expect(texts(SSH, [ping, packetOf({ proto: '132' })])).toEqual([
      'icmp type 3 is no knock, unseen',
      '132 is no knock, unseen',
    ]);
    expect(texts(SSH, [packetOf({ proto: 'sctp', dpt: asPort(7000) })])).toEqual([
      '7000/sctp is no knock, unseen',
    ]);
  });
});
