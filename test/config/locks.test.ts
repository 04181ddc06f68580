import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { locksOf as locksWith } from '../../src/config/locks.ts';
import { OneTimeDoors } from '../../src/config/one-time-doors.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Packet } from '../../src/model.ts';
import { address, packet, packets, play } from '../attempt/traffic.ts';

const locksOf = (config: Config) => locksWith(config, new OneTimeDoors());

function locks(door: string, log = '') {
  const { config, problems } = loadConfig(`${log}\ndoors:\n  d: { sequence: [7000, 8000, 9000], ${door} }`);
  return locksOf(config ?? expect.fail(JSON.stringify(problems)));
}

const KNOCK = packets('7000 8000 9000');
const changed = (fields: Partial<Packet>): Packet[] => KNOCK.map((knock) => ({ ...knock, ...fields }));

describe('from', () => {
  const invited = locks('from: [192.0.2.0/24, "2001:db8::/32", 198.51.100.7]');
  it.each(['192.0.2.1', '198.51.100.7', '2001:db8:1::9'])('%s may knock', (src) => {
    expect(play(invited, changed({ src: address(src) })).opens).toBe('d@2');
  });
  it.each(['192.0.3.1', '198.51.100.8', '2001:db9::9'])('%s may not', (src) => {
    const played = play(invited, changed({ src: address(src) }));
    expect(played.decisions).toEqual([]);
  });
});

describe('target', () => {
  it('only knocks at that address count', () => {
    const behind = locks('target: 192.0.2.99');
    expect(play(behind, changed({ dst: address('192.0.2.99') })).opens).toBe('d@2');
    expect(play(behind, KNOCK).decisions).toEqual([]);
  });
  it('is canonical whatever its spelling', () => {
    const behind = locks('target: "2001:0DB8::0001"');
    expect(play(behind, changed({ src: address('2001:db8::9'), dst: address('2001:db8::1') })).opens).toBe(
      'd@2',
    );
  });
});

describe('interface', () => {
  it('only packets that came in there count', () => {
    const narrow = locks('', 'interface: eth1');
    expect(play(narrow, KNOCK).decisions).toEqual([]);
    expect(play(narrow, changed({ in: 'eth1' })).opens).toBe('d@2');
  });
});

describe('a ping', () => {
  const echo = (size: number, v6 = false): Packet =>
    packet({
      proto: v6 ? 'icmpv6' : 'icmp',
      icmp: { type: v6 ? 128 : 8, code: 0 },
      len: size + (v6 ? 48 : 28),
      spt: null,
      time: (KNOCK[0]?.time ?? 0) + 1_000 * size,
      id: size,
    });
  const pings = (sequence: string) =>
    locksOf(loadConfig(`doors: { d: { sequence: [${sequence}] } }`).config ?? expect.fail());

  it('is a knock of its payload size, over IPv4 and IPv6', () => {
    expect(play(pings('icmp:64, icmp:65'), [echo(64), echo(65)]).opens).toBe('d@1');
    expect(play(pings('icmp:64, icmp:65'), [echo(64, true), echo(65, true)]).opens).toBe('d@1');
    expect(play(pings('icmp:64, icmp:65'), [echo(64), echo(66)]).opens).toBe('');
  });
  it('of any size is a knock where the step names none', () => {
    expect(play(pings('icmp, icmp:65'), [echo(9), echo(65)]).opens).toBe('d@1');
    expect(
      play(
        pings('icmp, icmp:65'),
        [echo(65), echo(65)].map((p, i) => ({ ...p, id: i })),
      ).opens,
    ).toBe('d@1');
    expect(
      play(
        pings('icmp:65, icmp, icmp:65'),
        [65, 65, 65].map((size, i) => ({ ...echo(size), id: i })),
      ).opens,
    ).toBe('d@2');
  });
  it('is no reply, and no error', () => {
    expect(play(pings('icmp'), [{ ...echo(64), icmp: { type: 0, code: 0 } }]).opens).toBe('');
    expect(play(pings('icmp'), [{ ...echo(64), icmp: { type: 3, code: 3 } }]).opens).toBe('');
  });
  it('disturbs no door that has none', () => {
    expect(
      play(
        locks(''),
        [KNOCK[0], echo(64), KNOCK[1], KNOCK[2]].map((p) => p ?? expect.fail()),
      ).opens,
    ).toBe('d@3');
  });
});

describe('a trap', () => {
  const sshKnock = locksOf(
    loadConfig('doors: { ssh: { sequence: [1600], trap: [1599, 1601], open: { port: 22, for: 60s } } }')
      .config ?? expect.fail(),
  );
  const events = (script: string, doors = sshKnock) =>
    play(doors, script).decisions.map(
      ({ event, door, why }) => `${event} ${door}${why === null ? '' : ` ${why}`}`,
    );

  it('is told, for the door to be closed', () => {
    expect(events('1600 1601')).toEqual(['stage ssh', 'open ssh', 'trap ssh']);
  });
  it('discards all attempts of the source, at every door, and of no other source', () => {
    const doors = locks('trap: [1]');
    expect(events('a>7000 b>7000 a>8000 a>1 a>9000 b>8000 b>9000', doors)).toEqual([
      'stage d',
      'stage d',
      'stage d',
      'reset d trap',
      'trap d',
      'stage d',
      'stage d',
      'open d',
    ]);
  });
  it('is no port of a sweep', () => {
    const doors = locksOf(
      loadConfig('sweep_guard: 1\ndoors: { d: { sequence: [7000, 8000], tcpflags: syn, trap: [1, 2, 3] } }')
        .config ?? expect.fail(),
    );
    expect(play(doors, '7000 1/fin 2/fin 3/fin 8000', 'none', { sweepGuard: 1 }).opens).toBe('d@4');
  });
  it('sprung in the course of a scan keeps its door shut', () => {
    expect(events('1598 1599 1600 1601 1602')).toEqual(['trap ssh', 'stage ssh', 'open ssh', 'trap ssh']);
  });
});
