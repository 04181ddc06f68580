/** When the first and the last line of a batch were written, whatever they are. */

import { describe, expect, it } from 'vitest';
import { PacketScan } from '../../src/packet/scan.ts';

const READ_AT = Date.parse('2026-11-27T10:00:10Z') * 1_000;

const LINES = {
  'of the kernel': '2026-11-27T10:00:00.250000+00:00 vm kernel: [  100.000000] other',
  'of a program': '2026-11-27T10:00:00.250000+00:00 vm sshd[7]: other',
  'in JSON by journalctl': JSON.stringify({
    ...{ __REALTIME_TIMESTAMP: '1795773600250000', MESSAGE: 'other', _TRANSPORT: 'kernel' },
  }),
  'in JSON by docker': JSON.stringify({ log: 'other\n', stream: 'stdout', time: '2026-11-27T10:00:00.25Z' }),
};

const second = (time: number | null): number | null =>
  time === null ? null : time / 1_000_000 - Date.parse('2026-11-27T10:00:00Z') / 1_000;

describe.each(Object.entries(LINES))('a line %s', (_, line) => {
  it.each(['kernel', 'any'] as const)('says when it was written, in a log of format %s', (format) => {
    const scan = new PacketScan({ prefix: 'KNOCK ', live: true, format });
    const bytes = Buffer.from(`${line}\nno stamp\n${line}\n`);
    expect(second(scan.timeOfFirst(bytes, READ_AT))).toBe(0.25);
    expect(second(scan.timeOfLast(bytes, READ_AT))).toBe(0.25);
  });
});

it('a line without a stamp does not say when it was written', () => {
  const scan = new PacketScan({ prefix: 'KNOCK ', live: true });
  const bytes = Buffer.from('no stamp at all\n');
  expect(scan.timeOfFirst(bytes, READ_AT)).toBeNull();
  expect(scan.timeOfLast(bytes, READ_AT)).toBeNull();
});

it('a record of kmsg does not say how late its log is: the clock of the kernel may have drifted', () => {
  const scan = new PacketScan({ prefix: 'KNOCK ', live: true });
  const bytes = Buffer.from('6,1,100000000,-;other\n');
  scan.scan(bytes, READ_AT, () => undefined, READ_AT - 130_000_000);
  expect(scan.timeOfFirst(bytes, READ_AT)).toBeNull();
});

it('looking at lines makes no host known', () => {
  const scan = new PacketScan({ prefix: 'KNOCK ', live: true });
  scan.timeOfLast(Buffer.from('Nov 27 10:00:00 last message repeated 2 times\n'), READ_AT);
  expect(scan.clocks.hosts).toEqual([]);
});
