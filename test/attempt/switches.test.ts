/** Each switch by itself, set both ways with all the others as they are by default. */

import { describe, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { address, door, packet, packets, play, told } from './traffic.ts';

const SSH = door('ssh: 7000,8000,9000 syn 5');
const SINGLE = door('single: 5000 syn 5');

describe('doors', () => {
  it('independent doors open beside a running attempt, exclusive ones do not', () => {
    expect(play([SSH, SINGLE], '7000 5000').opens).toBe('single@1');
    expect(play([SSH, SINGLE], '7000 5000', 'none', { doors: 'exclusive' }).opens).toBe('');
  });
});

describe('clock', () => {
  it('exact time gives the whole window, whole seconds cut it short', () => {
    expect(play([SSH], '+0.9 7000 +2 8000 +2.1 9000').opens).toBe('ssh@2');
    expect(play([SSH], '+0.9 7000 +2 8000 +2.1 9000', 'none', { clock: 'whole-seconds' }).opens).toBe('');
  });
  it('whole seconds are those that the log prints, whatever the phase of the kernel clock', () => {
    const late = packets('7000 +2 8000 +2.9 9000').map((packet) => ({
      ...packet,
      second: packet.second + 1,
    }));
    const shifted = late.map((packet, index) =>
      index === 0 ? { ...packet, second: packet.second - 1 } : packet,
    );
    expect(play([SSH], late, 'knockd').opens).toBe('ssh@2');
    expect(play([SSH], shifted, 'knockd').opens).toBe('');
  });
});

describe('repeats', () => {
  const opens = (sequence: string, script: string, timeoutS = 5) =>
    play([door(`d: ${sequence} - ${timeoutS}`)], script).opens;

  it('ignored: a packet that fits a step already taken changes nothing; wrong: it ends the attempt', () => {
    for (const script of ['7000 =7000 8000 9000', '7000 8000 7000 9000', '7000 8000 8000 9000']) {
      expect(play([SSH], script).opens).toBe('ssh@3');
      expect(play([SSH], script, 'none', { repeats: 'wrong' }).opens).toBe('');
    }
  });
  it.each([
    ['1,2,3', '1 2 2 3', 'd@3'],
    ['1,2,3', '1 2 1 3', 'd@3'],
    ['1,2,3', '1 2 1 2 3', 'd@4'],
    ['1,2,3', '1 1 1 2 2 2 1 2 1 3', 'd@9'],
    ['1,2,3', '1 3 2', ''],
    ['1,2,3', '1 3 2 3', ''],
    ['1,2,3', '1 2 3 3', 'd@2'],
    ['1,2,3', '2 1 3 1 2 3', 'd@5'],
    ['1,1,2', '1 1 2', 'd@2'],
    ['1,1,2', '1 2', ''],
    ['1,1,2', '1 2 1 1 2', 'd@4'],
    ['1,1,2', '1 1 1 1 2', 'd@4'],
    ['1,2,1,3', '1 2 1 3', 'd@3'],
    ['1,2,1,3', '1 2 3', ''],
    ['1,2,1,3', '1 2 1 2 1 3', 'd@5'],
    ['1,2,1,3', '1 1 2 2 1 1 3', 'd@6'],
    ['1,2,1,2', '1 2 2 1 2', 'd@4'],
    ['icmp:9,1,icmp:9,2', '1 2', ''],
  ])('(%s) and the packets %s', (sequence, script, expected) => {
    expect(opens(sequence, script)).toBe(expected);
  });
  it('whatever source port and sequence number it has', () => {
    const numbered = packets('7000 8000 8000 9000').map((packet, index) => ({ ...packet, seq: index }));
    expect(play([SSH], numbered).opens).toBe('ssh@3');
  });
  it('two people behind one address, each knocking, open the door', () => {
    expect(opens('1,2,3', '1 1 2 2 3 3')).toBe('d@4');
    expect(opens('1,2,3', '1 2 1 3 2 3')).toBe('d@3');
  });
  it('nothing is reported of a repeat', () => {
    expect(told(play([SSH], '7000 7000 8000 7000 8000'))).toEqual(['stage ssh 1', 'stage ssh 2']);
  });
  it('a port of another door is no repeat, and ends the attempt', () => {
    expect(told(play([SSH, SINGLE], '7000 8000 5000 9000'))).toEqual([
      'stage ssh 1',
      'stage ssh 2',
      'reset ssh 2 wrong packet',
      'stage single 1',
      'open single 1',
    ]);
  });
  it('a repeat of the first step does not give an attempt more time', () => {
    expect(opens('1,2,3', '1 +4 2 +0.5 1 +1 3', 5)).toBe('');
    expect(opens('1,2,3', '1 +4 2 +0.5 1 +0.4 3', 5)).toBe('d@3');
  });
  it('but a client that starts over has the whole window again', () => {
    expect(opens('1,2,3', '1 +4.9 1 +1 2 +1 3', 5)).toBe('d@3');
    expect(opens('1,2,3', '1 +1 2 +3.9 1 +1 2 +1 3', 5)).toBe('d@4');
    expect(opens('1,2,1,3', '1 +1 2 +1 1 +2.5 1 +1 2 +1 1 +1 3', 5)).toBe('d@6');
  });
  it('the end of the longer attempt is reported, and what is left of a later one', () => {
    expect(told(play([SSH], '7000 8000 +4.8 7000 +1 8000 9000'))).toEqual([
      'stage ssh 1',
      'stage ssh 2',
      'timeout ssh 2',
      'stage ssh 1',
      'stage ssh 2',
      'stage ssh 3',
      'open ssh 3',
    ]);
  });
});

describe('doubleLog', () => {
  const twice = packets('7000 8000 9000').flatMap((packet): Packet[] => [
    packet,
    { ...packet, time: packet.time + 20, prefix: 'OTHER ', in: '', out: 'eth1' },
  ]);
  const rep = door('rep: 7000,7000,8000 - 5');
  it('once: a packet that two rules logged counts once', () => {
    expect(play([SSH], twice, 'none', { repeats: 'wrong' }).opens).toBe('ssh@4');
    expect(play([rep], twice).opens).toBe('');
  });
  it('each: it counts twice', () => {
    expect(play([SSH], twice, 'none', { repeats: 'wrong', doubleLog: 'each' }).opens).toBe('');
    expect(play([rep], twice, 'none', { doubleLog: 'each' }).opens).toBe('rep@2');
  });
  it('a packet with another IP ID is another packet', () => {
    const quick = packets('7000 8000 9000').map((packet, index) => ({
      ...packet,
      time: packet.time - index * 60_000 + index,
    }));
    expect(play([SSH], quick).opens).toBe('ssh@2');
  });
});

describe('sweepGuard', () => {
  const scan = (from: number, to: number, source = 'a') =>
    Array.from({ length: to - from + 1 }, (_, i) => `${source}>${from + i}`).join(' +0.001 ');
  it('an ascending scan opens nothing, whether the ports of the door are far apart or next to each other', () => {
    expect(play([SSH], scan(6_900, 9_100)).opens).toBe('');
    expect(play([door('near: 7000,7001,7002 syn 5')], scan(6_900, 7_100)).opens).toBe('');
  });
  it('unless it is off', () => {
    expect(play([SSH], scan(6_900, 9_100), 'none', { sweepGuard: 0 }).opens).toBe('ssh@2100');
    expect(play([SSH], scan(6_900, 9_100), 'knockd').opens).toBe('ssh@2100');
  });
  it('as many ports of no door as the guard allows do no harm, one more does', () => {
    expect(play([SSH], '7000 1 2 3 4 8000 5 6 7 8 9000').opens).toBe('ssh@10');
    expect(play([SSH], '7000 1 2 3 4 8000 5 6 7 8 9 9000').opens).toBe('');
  });
  it('the same port again is no further port, and UDP is another than TCP', () => {
    expect(play([SSH], `${'+0.4 1 '.repeat(60)} 7000 +0.4 1 8000 9000`).opens).toBe('ssh@63');
    expect(play([SSH], '7000 1 2 3 4 1:udp 2:udp 3:udp 4:udp 8000 5 9000').opens).toBe('');
  });
  it('what another source sweeps does no harm, and a sweep is forgotten after the window', () => {
    expect(play([SSH], `7000 ${scan(1, 20, 'b')} 8000 9000`).opens).toBe('ssh@22');
    expect(play([SSH], `${scan(1, 20)} +10 7000 8000 9000`).opens).toBe('ssh@22');
  });
  it('a window is ten seconds at least, and as long as that of the door', () => {
    const strays = (seconds: number) => `1 2 3 4 5 +${seconds} 6 7 8 9 `;
    const slow = door('slow: 7000,8000,9000 syn 30');
    expect(play([SSH], `${strays(9)} 7000 8000 9000`).opens).toBe('');
    expect(play([SSH], `${strays(11)} 7000 8000 9000`).opens).toBe('ssh@11');
    expect(play([slow], `${strays(11)} 7000 8000 9000`).opens).toBe('');
  });
  it('so many packets to one port that the firewall may have held others back do harm, whatever sent them', () => {
    const flood = (count: number, port = '1') => `${port} +0.01 `.repeat(count);
    expect(play([SSH], `7000 ${flood(29)} 8000 9000`).opens).toBe('ssh@31');
    expect(play([SSH], `7000 ${flood(31)} 8000 9000`).opens).toBe('');
    expect(play([SSH], `${flood(40)} +2 7000 8000 9000`).opens).toBe('');
    expect(play([SSH], `${flood(40)} +4 7000 8000 9000`).opens).toBe('ssh@42');
    // Of a packet that is cut off the kernel writes no ports, and it takes a line of the source all the same.
    const cutOff = packets(`7000 ${flood(31)} 8000 9000`).map((packet) =>
      packet.dpt === 1 ? { ...packet, dpt: null, spt: null, flags: null } : packet,
    );
    expect(play([SSH], cutOff).opens).toBe('');
  });
  it('pings of many sizes are a sweep, and a ping now and then is none', () => {
    const pinged = door('pinged: icmp:17,icmp:18,icmp:19 - 5');
    const ping = (size: number, index: number) =>
      packet({
        time: index * 100_000,
        second: 0,
        proto: 'icmp',
        spt: null,
        icmp: { type: 8, code: 0 },
        len: 28 + size,
        id: index,
      });
    expect(
      play(
        [pinged],
        [17, 18, 19].map((size, index) => ping(size, index)),
      ).opens,
    ).toBe('pinged@2');
    expect(
      play(
        [pinged],
        Array.from({ length: 40 }, (_, size) => ping(size, size)),
      ).opens,
    ).toBe('');
    const often = packets('+1 7000 8000 9000').map((packet, index) => ({
      ...packet,
      time: (index + 20) * 1_000_000,
    }));
    const pings = Array.from({ length: 20 }, (_, index) => ping(56, index * 10));
    expect(play([SSH], [...pings, ...often.slice(0, 2), ping(56, 215), ...often.slice(2)]).opens).toBe(
      'ssh@23',
    );
  });
  it('a whole IPv6 network is one source', () => {
    const from = (source: string, script: string) =>
      packets(script).map((packet) => ({ ...packet, src: address(source) }));
    const [knock, others] = [
      from('2001:db8::1', '7000 +5 8000 +0 9000'),
      from('2001:db8::ffff:2', '+1 1 2 3 4 5 6 7 8 9'),
    ];
    const mixed = [
      ...knock.slice(0, 1),
      ...others.map((it, i) => ({ ...it, time: it.time + i })),
      ...knock.slice(1),
    ];
    const near = mixed.map((packet, index) => ({ ...packet, time: (knock[0]?.time ?? 0) + index * 10_000 }));
    expect(told(play([SSH], near))).toEqual(['stage ssh 1', 'reset ssh 1 port sweep']);
    const far = near.map((packet) =>
      packet.src === others[0]?.src ? { ...packet, src: address('2001:db8:0:1::2') } : packet,
    );
    expect(play([SSH], far).opens).toBe('ssh@11');
  });
  it('the loss is told', () => {
    expect(told(play([SSH], '7000 1 2 3 4 5 6 7 8 9'))).toEqual(['stage ssh 1', 'reset ssh 1 port sweep']);
  });
});
