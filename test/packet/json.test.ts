import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flagNames } from '../../src/packet/format.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { unwrap } from '../../src/packet/json.ts';
import { readLine } from '../../src/packet/line.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;
const MESSAGE =
  'KNOCK: IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=40 TTL=64 ID=1 PROTO=TCP SPT=4 DPT=7000 WINDOW=1 RES=0x00 SYN URGP=0 ';

function read(line: string, prefix: string | null = null) {
  const bytes = Buffer.from(line);
  const wanted = prefix === null ? null : Buffer.from(prefix);
  return readLine(bytes, 0, bytes.length, wanted, new HostClocks({ live: false }), READ_AT);
}

function counted(line: string): number {
  let packets = 0;
  new PacketScan({ prefix: 'KNOCK: ', live: false }).scan(Buffer.from(`${line}\n`), READ_AT, () => packets++);
  return packets;
}

const entry = (fields: object) =>
  JSON.stringify({
    _TRANSPORT: 'kernel',
    SYSLOG_FACILITY: '0',
    MESSAGE,
    __REALTIME_TIMESTAMP: '1795220045821332',
    _SOURCE_MONOTONIC_TIMESTAMP: '1818179814',
    ...fields,
  });

describe('an entry of journalctl -o json', () => {
  it("is the kernel's by transport and facility, and has its time", () => {
    expect(read(entry({}))).toMatchObject({
      trusted: true,
      packet: { dpt: 7_000, time: 1_795_220_045_821_332 },
    });
    expect(counted(entry({}))).toBe(1);
  });
  it('names its host', () => {
    expect(unwrap(entry({ _HOSTNAME: 'vm' }))).toMatchObject({ kind: 'message', host: 'vm' });
    expect(unwrap(entry({}))).toMatchObject({ kind: 'message', host: '' });
  });
  it('may hold its message as bytes', () => {
    expect(read(entry({ MESSAGE: [...Buffer.from(MESSAGE)] }))).toMatchObject({
      trusted: true,
      packet: { dpt: 7_000 },
    });
  });
  it.each([
    { _TRANSPORT: 'syslog', SYSLOG_IDENTIFIER: 'kernel' },
    { _TRANSPORT: undefined },
    { SYSLOG_FACILITY: '1' },
    { SYSLOG_FACILITY: undefined },
    { _TRANSPORT: ['kernel', 'syslog'] },
  ])('is not believed with %j', (fields) => {
    expect(read(entry(fields))?.trusted ?? false).toBe(false);
    expect(counted(entry(fields))).toBe(0);
  });
  it('is read as journalctl 252 wrote it', () => {
    const lines = readFileSync('fixtures/loglines/formats/journalctl-modes.txt', 'utf8').split('\n');
    const entries = lines.filter((line) => line.startsWith('{') && line.endsWith('}'));
    expect(entries.length).toBeGreaterThan(0);
    for (const line of entries) {
      expect(read(line)).toMatchObject({
        trusted: true,
        packet: { src: '192.0.2.1', proto: 'udp', prefix: 'LSJ: ' },
      });
    }
  });
});

describe("a line of docker's json-file", () => {
  const line = (log: string) =>
    JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: '2026-11-21T00:14:05.8Z' });
  it('is read as the line inside', () => {
    const inner = `Nov 21 00:14:05 vm kernel: [ 1.000000] ${MESSAGE}`;
    expect(read(line(inner))).toMatchObject({ trusted: true, packet: { dpt: 7_000 } });
    expect(counted(line(inner))).toBe(1);
    expect(read(line(inner.replace('kernel', 'app')))).toMatchObject({ trusted: false });
  });
  it('that holds JSON again is not', () => {
    expect(read(line(entry({})))?.trusted ?? false).toBe(false);
  });
});

describe('a line of ulogd2', () => {
  const lines = readFileSync('fixtures/loglines/formats/ulogd2.json', 'utf8').trimEnd().split('\n');
  it('is shown and never believed', () => {
    const readings = lines.map((line) => read(line) ?? expect.fail(line));
    expect(readings.map(({ packet: { src, dst, proto, dpt } }) => `${src} ${dst} ${proto} ${dpt}`)).toEqual([
      '192.0.2.1 192.0.2.2 tcp 7000',
      '192.0.2.1 192.0.2.2 udp 7000',
      '192.0.2.1 192.0.2.2 icmp null',
      '192.0.2.1 192.0.2.2 icmp null',
      '2001:db8::1 2001:db8::2 tcp 7000',
      '2001:db8::1 2001:db8::2 icmpv6 null',
    ]);
    expect(readings.map(({ trusted, why }) => [trusted, why])).toEqual(
      lines.map(() => [false, 'ulogd wrote it, not the kernel']),
    );
    expect(flagNames(readings[0]?.packet ?? expect.fail())).toEqual(['SYN']);
    expect(readings[0]?.packet.time).toBe(1_795_220_050_177_954);
    expect(lines.map(counted)).toEqual(lines.map(() => 0));
  });
});

it.each([
  '{',
  '{}',
  '{"MESSAGE":7}',
  '{"log":7}',
  '{"MESSAGE":[300]}',
  '{"src_ip":"1.2.3.4"}',
  'null',
  '{"MESSAGE":"x"}',
])('%s is no packet', (line) => {
  expect(read(line)).toBeNull();
});
