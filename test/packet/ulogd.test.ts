/** A log of ulogd2 alone: its plugins' own lines, as recorded beside the frames that made them. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;
const fixture = (name: string) => readFileSync(`fixtures/loglines/formats/${name}`);

function scan(bytes: Buffer, format: 'kernel' | 'ulogd', prefix = 'KNOCK: '): Packet[] {
  const found: Packet[] = [];
  new PacketScan({ prefix, format, live: false }).scan(bytes, READ_AT, (packet) => found.push(packet));
  return found;
}
const told = ({ src, dst, proto, spt, dpt, flags, icmp }: Packet) => ({
  src,
  dst,
  proto,
  spt,
  dpt,
  flags,
  icmp,
});

describe.each(['ulogd2-logemu.log', 'ulogd2.json'])('%s', (name) => {
  it('is not believed as a log of the kernel', () => {
    expect(scan(fixture(name), 'kernel')).toEqual([]);
  });

  it('counts where the log is said to hold nothing else, with its prefix alone', () => {
    expect(scan(fixture(name), 'ulogd').length).toBeGreaterThan(5);
    expect(scan(fixture(name), 'ulogd', 'OTHER: ')).toEqual([]);
    expect(scan(fixture(name), 'ulogd', 'KNOCK')).toEqual([]);
  });
});

it('both plugins tell of the same packets', () => {
  const [text, json] = ['ulogd2-logemu.log', 'ulogd2.json'].map((name) =>
    scan(fixture(name), 'ulogd').map(told),
  );
  const knocks = (packets: ReturnType<typeof told>[] = []) =>
    packets
      .filter(({ proto }) => proto === 'tcp' || proto === 'udp')
      .map(({ src, proto, dpt }) => `${src} ${proto} ${dpt}`);
  expect(knocks(text)).toHaveLength(3);
  expect(new Set(knocks(text))).toEqual(new Set(knocks(json)));
});

it.each([
  '',
  '{',
  'Nov 21 00:14:10 vm KNOCK:  IN=',
  'Nov 21 00:14:10 vm KNOCK: IN=eth0 OUT= SRC=1.1.1.1',
  '\u0000\u0001',
])('%j is no line of ulogd', (line) => expect(scan(Buffer.from(`${line}\n`), 'ulogd')).toEqual([]));
