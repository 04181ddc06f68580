/** Lines of a log of which all is believed: what is taken from around the prefix. */

import { describe, expect, it } from 'vitest';
import { isoTime } from '../../src/lib/time.ts';
import type { Packet } from '../../src/model.ts';
import { AnyLines } from '../../src/packet/any-line.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const READ_AT = Date.UTC(2026, 10, 26, 22, 10, 30) * 1000;
const MONTH_LATER = Date.UTC(2026, 11, 26) * 1000;
const body = (rest = 'PROTO=TCP SPT=40000 DPT=4438 WINDOW=64240 RES=0x00 SYN URGP=0 ') =>
  `IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=203.0.113.10 LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=7 DF ${rest}`;
const KNOCK = `KNOCK ${body()}`;

function readAll(lines: readonly string[], readAt = READ_AT, prefix: string | null = 'KNOCK ') {
  const clocks = new HostClocks({ live: false, timezone: 'UTC' });
  const reader = new AnyLines(prefix === null ? null : Buffer.from(prefix), clocks);
  return lines.map((line) => {
    const bytes = Buffer.from(line);
    return reader.read(bytes, 0, bytes.length, readAt);
  });
}
const read = (line: string, prefix: string | null = 'KNOCK ') => readAll([line], READ_AT, prefix)[0] ?? null;
const packetOf = (line: string): Packet => read(line)?.packet ?? expect.fail(line);

describe('the time of a line', () => {
  it('is that of the first stamp', () => {
    const { time } = packetOf(`2026-11-26T22:10:12Z relay Nov 26 21:00:00 vm kernel: ${KNOCK}`);
    expect(isoTime(time)).toBe('2026-11-26T22:10:12.000000Z');
  });

  it('is that of the message rather than that of the shipper, which may have read it late', () => {
    const shipped = { time: '2026-11-26T22:10:20Z', log: `Nov 26 22:10:11 vm kernel: ${KNOCK}` };
    expect(isoTime(packetOf(JSON.stringify(shipped)).time)).toBe('2026-11-26T22:10:11.000000Z');
  });

  it.each([
    [1_795_731_011],
    [1_795_731_011_000],
    [1_795_731_011_000_000],
    [1_795_731_011_000_000_000],
    ['1795731011'],
    ['1795731011.000'],
    ['1795731011000'],
    ['2026-11-26T22:10:11Z'],
    ['2026-11-26T23:10:11+01:00'],
    ['2026-11-26 22:10:11'],
    ['2026/11/26 22:10:11'],
    ['Nov 26 22:10:11'],
    ['Thu, 26 Nov 2026 22:10:11 +0000'],
    ['26/Nov/2026:22:10:11 +0000'],
  ])('can be a field of JSON: %j', (timestamp) => {
    expect(isoTime(packetOf(JSON.stringify({ message: KNOCK, timestamp })).time)).toBe(
      '2026-11-26T22:10:11.000000Z',
    );
  });

  it.each([[7], [''], ['yesterday'], [null], [{}], [true], [9e99]])('is not taken from %j', (timestamp) => {
    expect(read(JSON.stringify({ message: KNOCK, timestamp }))).toMatchObject({ isStampless: true });
  });

  it.each(['time', 'timestamp', '@timestamp', 'ts', 'date'])('can be called %s', (key) => {
    const { clock } = packetOf(JSON.stringify({ msg: KNOCK, [key]: '2026-11-26T22:10:11Z' }));
    expect(clock).toBe('syslog');
  });
});

describe('lines of dmesg -H', () => {
  const lines = [`[Nov26 22:10] ${KNOCK}`, `[  +0.157500] ${KNOCK}`, `[  +1.000000] ${KNOCK}`];
  const times = (readAt: number) => readAll(lines, readAt).map((each) => isoTime(each?.packet.time ?? 0));

  it('go on from the minute where they are old', () => {
    expect(times(MONTH_LATER)).toEqual([
      '2026-11-26T22:10:00.000000Z',
      '2026-11-26T22:10:00.157500Z',
      '2026-11-26T22:10:01.157500Z',
    ]);
  });

  it('are of the moment of reading where they were just written', () => {
    expect(new Set(times(READ_AT))).toEqual(new Set([isoTime(READ_AT)]));
  });

  it('are as old as they can be where a pipe begins with a record', () => {
    const reader = new AnyLines(
      Buffer.from('KNOCK '),
      new HostClocks({ live: false, timezone: 'UTC' }),
      true,
    );
    const line = Buffer.from(lines[0] ?? '');
    const timeAt = (readAt: number) =>
      isoTime(reader.read(line, 0, line.length, readAt)?.packet.time ?? 0).slice(11, 19);
    reader.hear(READ_AT);
    expect(timeAt(READ_AT + 900_000)).toBe('22:10:00');
    expect(timeAt(READ_AT + 1_000_000)).toBe('22:10:31');
  });

  it('say nothing without a minute', () => {
    expect(readAll(lines.slice(1), READ_AT)[0]).toMatchObject({ isStampless: true });
  });
});

describe('the host of a line', () => {
  it.each([
    ['Nov 26 22:10:11 vm kernel: ', 'vm'],
    ['Nov 26 22:10:11 kernel: ', ''],
    ['Nov 26 22:10:11 ', ''],
    ['Nov 26 22:10:11 vm ', 'vm'],
    ['Nov 26 22:10:11 relay vm klogd: ', 'vm'],
    ['Nov 26 22:10:11 vm app: with 3 words of its own ', 'vm'],
    ['Nov 26 22:10:11 vm with 4 words of its own ', 'vm'],
    ['Nov 26 22:10:11 vm kern.warn kernel: [   12.000000] ', 'vm'],
    ['Nov 26 22:10:11 kern.warn kernel: [   12.000000] ', ''],
    ['<4>1 2026-11-26T22:10:11Z vm kernel - - [x y="z"] ', 'vm'],
    ['2026-11-26T22:10:11Z 2001:db8::1 kernel: ', '2001:db8::1'],
    ['[   12.000000] ', ''],
    ['[   12.000000] vm kernel: ', 'vm'],
    ['4,377,1024482935,-;', ''],
    ['web-1  | ', ''],
  ])('%j', (header, host) => expect(packetOf(header + KNOCK).host).toBe(host));

  it.each([
    [{ host: 'vm' }],
    [{ hostname: 'vm' }],
    [{ _HOSTNAME: 'vm' }],
    [{ 'host.name': 'vm' }],
    [{ host: { name: 'vm' } }],
    [{ host: { hostname: 'vm' } }],
  ])('can be a field of JSON: %j', (fields) => {
    expect(packetOf(JSON.stringify({ message: KNOCK, ...fields })).host).toBe('vm');
  });

  it.each([[{ host: 7 }], [{ host: 'two words' }], [{ host: '\u001b[2J' }], [{ host: null }]])(
    'is not taken from %j',
    (fields) => expect(packetOf(JSON.stringify({ message: KNOCK, ...fields })).host).toBe(''),
  );
});

describe('a message in JSON', () => {
  it.each(['message', 'MESSAGE', 'log', 'msg', '_raw'])('can be called %s', (key) => {
    expect(packetOf(JSON.stringify({ level: 'info', [key]: `${KNOCK}\n` })).dpt).toBe(4438);
  });

  it('is the one with the prefix, where there are several', () => {
    expect(packetOf(JSON.stringify({ message: 'a packet', _raw: KNOCK })).dpt).toBe(4438);
  });

  it('counts once where it is there twice', () => {
    const found: Packet[] = [];
    const scan = new PacketScan({ prefix: 'KNOCK ', live: false, format: 'any' });
    const line = JSON.stringify({ message: KNOCK, _raw: KNOCK, event: { original: KNOCK } });
    scan.scan(Buffer.from(`${line}\n`), READ_AT, (packet) => found.push(packet));
    expect(found).toHaveLength(1);
  });

  it('may have its prefix escaped', () => {
    const prefix = '<knock> "a" ';
    const line = JSON.stringify({ message: prefix + body() }).replace(/[<>=&]/g, (char) => {
      return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
    expect(read(line, prefix)?.packet).toMatchObject({ dpt: 4438, prefix });
    const found: Packet[] = [];
    new PacketScan({ prefix, live: false, format: 'any' }).scan(Buffer.from(`${line}\n`), READ_AT, (packet) =>
      found.push(packet),
    );
    expect(found).toHaveLength(1);
  });

  it.each(['{', '{"message":', `{"message":"${KNOCK}`, `{"message":"${KNOCK}"`, `{"message":"${KNOCK}"}}`])(
    'is none where the JSON is broken: %j',
    (line) => expect(read(line)).toBeNull(),
  );

  it('is found however deep others have wrapped it, within reason', () => {
    let line = KNOCK;
    for (let depth = 1; depth <= 3; depth++) {
      line = JSON.stringify({ log: line });
      expect(packetOf(line).dpt).toBe(4438);
    }
    expect(read(JSON.stringify({ log: line }))).toBeNull();
  });

  it('can be an array of bytes, as journald has it', () => {
    expect(packetOf(JSON.stringify({ MESSAGE: [...Buffer.from(KNOCK)] })).dpt).toBe(4438);
  });
});

describe('a body that the kernel did not write', () => {
  const tcp = (flags: string) =>
    `policy DROP: IN=fwbr101i0 MAC= SRC=192.0.2.1 DST=203.0.113.10 LEN=40 TTL=241 ID=54321 PROTO=TCP SPT=46363 DPT=4438 SEQ=1 ACK=0 WINDOW=1024 ${flags}`;
  const flagsOf = (line: string) => {
    const reading = read(line, 'policy DROP: ');
    return reading?.trusted === true ? reading.packet.flags : null;
  };

  it.each([
    ['SYN ', 2],
    ['SYN', 2],
    ['ACK SYN ', 18],
    ['ACK FIN ', 17],
    ['ACK RST mark=5 ', 20],
    ['URG ACK PSH URGP=7 ', 56],
  ])('needs no OUT= and no URGP=: %j', (flags, sum) => expect(flagsOf(tcp(flags))).toBe(sum));

  it.each(['', ' ', 'S', 'SY', 'ACK ', 'ACK S', 'ACK PSH ', 'URG'])(
    'is none where flags may be missing: %j',
    (flags) => expect(flagsOf(tcp(flags))).toBeNull(),
  );
});

it('a line with any prefix is read where none is asked for', () => {
  expect(read(`Nov 26 22:10:11 vm klogd: ANY ${body()}`, null)?.packet).toMatchObject({
    host: 'vm',
    dpt: 4438,
  });
});

it('lines without a prefix, or with another, are none', () => {
  for (const line of ['', 'KNOCK ', `OTHER ${body()}`, `KNOCK OTHER ${body()}`, body()])
    expect(read(line)).toBeNull();
});
