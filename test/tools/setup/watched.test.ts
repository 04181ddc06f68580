import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Family } from '../../../src/model.ts';
import { watched, withoutFlags } from '../../../src/tools/setup/watched.ts';

function watch(doors: string, family: Family = 4, settings = '') {
  const { config } = loadConfig(`${settings}\ndoors:\n${doors}`);
  if (config === null) throw new SyntaxError(doors);
  return watched(config, family, (door) => [config.doors.get(door)?.sequence ?? []]);
}

const views = (doors: string, family: Family = 4) =>
  watch(doors, family)?.views.map(({ from, to, flags }) => [
    from,
    to,
    flags?.set ?? null,
    flags?.clear ?? null,
  ]);

describe('what the log must show', () => {
  it('is each step and trap of each door, once, in an order that tells no sequence', () => {
    const seen = watch(
      '  a: { sequence: [9, 3, "7:udp", "icmp:64"], trap: [5] }\n  b: { sequence: [3, "icmp:8"] }\n',
    );
    expect([seen?.tcp, seen?.udp, seen?.echoes]).toEqual([[3, 5, 9], [7], [8, 64]]);
  });

  it('is every ping where a step takes any', () => {
    expect(watch('  a: { sequence: ["icmp:64", icmp, 1] }\n')?.echoes).toEqual([null]);
  });

  it('is all flags where one door looks at none', () => {
    expect(views('  a: { sequence: [1], tcpflags: [syn] }\n  b: { sequence: [2] }\n')).toEqual([
      [null, null, null, null],
    ]);
  });

  it('is the wider of two sets of flags, and both where neither is', () => {
    expect(
      views('  a: { sequence: [1], tcpflags: [syn, "!ack"] }\n  b: { sequence: [2], tcpflags: [syn] }\n'),
    ).toEqual([[null, null, 2, 0]]);
    expect(
      views('  a: { sequence: [1], tcpflags: [syn] }\n  b: { sequence: [2], tcpflags: [ack] }\n'),
    ).toHaveLength(2);
    expect(
      views('  a: { sequence: [1], tcpflags: [syn] }\n  b: { sequence: [2], tcpflags: [syn] }\n'),
    ).toHaveLength(1);
  });

  it('is what comes from the networks and goes to the hosts of doors, in their family', () => {
    const doors =
      '  a: { sequence: [1], from: [192.0.2.0/24, "2001:db8::/32"] }\n  b: { sequence: [2], target: 198.51.100.1 }\n';
    expect(views(doors)).toEqual([
      ['192.0.2.0/24', null, null, null],
      [null, '198.51.100.1', null, null],
    ]);
    expect(views(doors, 6)).toEqual([['2001:db8::/32', null, null, null]]);
    expect(views('  a: { sequence: [1], from: [0.0.0.0/0] }\n')).toEqual([[null, null, null, null]]);
  });

  it('is nothing of a family that no door sees', () => {
    expect(watch('  a: { sequence: [1], target: 198.51.100.1 }\n', 6)).toBeNull();
    expect(watch('  a: { sequence: [1] }\n', 6, 'ipv6: false')).toBeNull();
    expect(watch('  a: { sequence: [1] }\n', 6)?.family).toBe(6);
  });

  it('is the same view only once for packets without flags', () => {
    const seen = watch('  a: { sequence: [1], tcpflags: [syn] }\n  b: { sequence: [2], tcpflags: [ack] }\n');
    expect(withoutFlags(seen?.views ?? [])).toEqual([{ from: null, to: null, flags: null }]);
  });
});
