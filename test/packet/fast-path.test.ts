/** The fast path beside the careful reader: the same packets, whatever the lines. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbersOf } from '../../src/lib/address.ts';
import { type AddressNumbers, type Packet, type PacketNotes, UDP_PORTS } from '../../src/model.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { readLine } from '../../src/packet/line.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { runs } from '../support/runs.ts';

const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;
const LF = 10;
const WANTED = [7000, UDP_PORTS | 8000];
const HEADERS = [
  (us: number) =>
    `2026-11-21T00:00:${String(us % 60).padStart(2, '0')}.000000+00:00 vm kernel: [  133.${String(us).padStart(6, '0')}] `,
  (us: number) =>
    `Nov 21 00:00:${String(us % 60).padStart(2, '0')} vm kernel: [  133.${String(us).padStart(6, '0')}] `,
  (us: number) => `4,${100 + (us % 900)},133${String(us).padStart(6, '0')},-;`,
  (us: number) =>
    `<4>1 2026-11-21T00:00:00.${String(us).padStart(6, '0')}Z vm kernel - - - [  133.${String(us).padStart(6, '0')}] `,
];

/** What stands behind the prefix in the recorded lines, as any prefix could have been. */
const bodies = readFileSync('fixtures/loglines/kernel-made.log', 'latin1')
  .split('\n')
  .flatMap((line) => /(?<![^ \]:])IN=\S* OUT=.*$/.exec(line)?.[0] ?? [])
  // What is cut short in the record is not believed, and may be noted all the same.
  .filter((body) => readWithCare(Buffer.from(`${HEADERS[0]?.(1)}KNOCK ${body}\n`, 'latin1')).length === 1);

function scan(batch: Buffer, notes: PacketNotes | null): Packet[] {
  const found: Packet[] = [];
  new PacketScan({ prefix: 'KNOCK ', live: false, notes }).scan(batch, READ_AT, (packet) =>
    found.push(packet),
  );
  return found;
}

/** What the careful reader believes of each line. */
function readWithCare(batch: Buffer): Packet[] {
  const clocks = new HostClocks({ live: false });
  const found: Packet[] = [];
  for (let start = 0; start < batch.length; start = batch.indexOf(LF, start) + 1) {
    const reading = readLine(batch, start, batch.indexOf(LF, start), Buffer.from('KNOCK '), clocks, READ_AT);
    if (reading?.trusted === true) found.push(reading.packet);
  }
  return found;
}

const keyOf = ({ proto, dpt }: Packet): number =>
  dpt === null ? -1 : proto === 'tcp' ? dpt : proto === 'udp' ? UDP_PORTS | dpt : -1;
const textOf = ({ isIpv6, a, b, c, d }: AddressNumbers): string => (isIpv6 ? `${[a, b, c, d]}` : `${a}`);
const isWanted = (packet: Packet): boolean => WANTED.includes(keyOf(packet));
/** Where lines disagree on the clock, it is set by those that are read in full. */
const timeless = (packets: readonly Packet[]) =>
  packets.map((packet) => ({ ...packet, time: 0, second: 0, clock: 'kernel' }));

const body = fc.oneof(
  fc.nat(bodies.length - 1).map((index) => bodies[index] ?? ''),
  fc
    .record({
      isIpv6: fc.boolean(),
      four: fc.ipV4(),
      six: fc.array(fc.nat(65_535), { minLength: 8, maxLength: 8 }),
      dpt: fc.oneof(fc.constantFrom(7000, 8000), fc.nat(65_535)),
      spt: fc.nat(65_535),
      proto: fc.constantFrom('TCP', 'UDP'),
      name: fc.constantFrom('eth0', 'eth0', 'eth0', 'eth0', 'eth0', 'PROTO=TCP', 'x]SRC=6.6.6.6', 'DPT=7000'),
      mac: fc.constantFrom(
        '02:42:ac:11:00:02:02:42:ac:11:00:01:08:00',
        '02:42:ac:11:00:02:02:42:ac:11:00:01:86:dd',
        '02:42:ac:11:00:02:9c:42:ac:11:00:fe:86:dd',
        '',
      ),
      seq: fc.constantFrom('', 'SEQ=4294967295 ACK=0 '),
      flags: fc.subarray(['CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN']),
      more: fc.constantFrom('', '', '', '', '', 'MARK=0x1 ', 'OPT (020405B4) ', 'UID=0 GID=0 '),
    })
    .map(({ isIpv6, four, six, dpt, spt, proto, name, mac, seq, flags, more }) => {
      const set = flags.map((flag) => `${flag} `).join('');
      const rest = (proto === 'TCP' ? `${seq}WINDOW=64240 RES=0x00 ${set}URGP=0 ` : 'LEN=9 ') + more;
      const from = isIpv6 ? six.map((group) => group.toString(16).padStart(4, '0')).join(':') : four;
      const header = isIpv6
        ? `DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=${spt}`
        : `DST=203.0.113.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=${spt} DF`;
      return `IN=${name} OUT= MAC=${mac} SRC=${from} ${header} PROTO=${proto} SPT=${spt} DPT=${dpt} ${rest}`;
    }),
);
const flips = fc.array(fc.tuple(fc.nat(1_000), fc.nat(7)), { maxLength: 3 });
const line = fc.record({ header: fc.constantFrom(...HEADERS), us: fc.nat(999_999), body });
/** What befalls some lines of a damaged log: bits flip, and the end is missing. */
const damage = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ flips: [], cut: 0 }) },
  { weight: 1, arbitrary: fc.record({ flips, cut: fc.nat(40) }) },
);

function logOf(
  lines: readonly { header: (us: number) => string; us: number; body: string }[],
  isMixed: boolean,
): Buffer[] {
  // Mostly logs of one spelling, as real ones are.
  return lines.map(({ header, us, body }) =>
    Buffer.from(`${(isMixed ? header : (lines[0]?.header ?? header))(us)}KNOCK ${body}`, 'latin1'),
  );
}
function damaged(
  line: Buffer,
  { flips, cut }: { flips: readonly (readonly [number, number])[]; cut: number },
): Buffer {
  const bytes = Buffer.from(line.subarray(0, line.length - cut));
  for (const [at, bit] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
  return Buffer.from(bytes.filter((byte) => byte !== LF));
}
const asBatch = (lines: readonly Buffer[]): Buffer =>
  Buffer.concat(lines.flatMap((line) => [line, Buffer.of(LF)]));

const soundLog = fc
  .tuple(fc.array(line, { minLength: 2, maxLength: 40 }), fc.boolean())
  .map(([lines, isMixed]) => asBatch(logOf(lines, isMixed)));
const damagedLog = fc
  .tuple(fc.array(fc.tuple(line, damage), { minLength: 2, maxLength: 40 }), fc.boolean())
  .map(([lines, isMixed]) => {
    const sound = logOf(
      lines.map(([line]) => line),
      isMixed,
    );
    return asBatch(sound.map((line, index) => damaged(line, lines[index]?.[1] ?? { flips: [], cut: 0 })));
  });

describe('a scan', () => {
  it('finds the packets that the careful reader believes, line by line, of sound and damaged logs', () => {
    fc.assert(
      fc.property(damagedLog, (batch) => {
        expect(scan(batch, null)).toEqual(readWithCare(batch));
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('that makes packets of wanted lines alone finds each of those, and no other', () => {
    fc.assert(
      fc.property(damagedLog, (batch) => {
        const all = readWithCare(batch).filter(isWanted);
        const wanted = scan(batch, { noted: (_host, _client, port) => !WANTED.includes(port) }).filter(
          isWanted,
        );
        expect(timeless(wanted)).toEqual(timeless(all));
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('tells of the others from whom they are, and to which port', () => {
    let looked = 0;
    fc.assert(
      fc.property(soundLog, (batch) => {
        const all = readWithCare(batch).map((packet) => `${textOf(numbersOf(packet.src))} ${keyOf(packet)}`);
        const noted: string[] = [];
        scan(batch, { noted: (_host, client, port) => noted.push(`${textOf(client)} ${port}`) > 0 });
        looked += noted.length;
        expect(noted.filter((packet) => !all.includes(packet))).toEqual([]);
      }),
      { numRuns: runs(500) },
    );
    expect(looked).toBeGreaterThan(runs(500));
  });
});

describe('the kernel alone is believed at a look, too', () => {
  const first = `${HEADERS[0]?.(1)}KNOCK ${bodies.find((body) => body.includes('PROTO=TCP')) ?? ''}\n`;
  const forged = (from: string, to: string) => {
    const scan = new PacketScan({ prefix: 'KNOCK ', live: false, notes: { noted: () => true } });
    scan.scan(Buffer.from(first + first.replace(from, to)), READ_AT, () => undefined);
    return scan.counts;
  };
  it.each([
    ['a tag of another program', 'kernel:', 'kernal:'],
    ['a priority of another facility', '2026', '<9>6'],
    ['another text ahead of the prefix', '] KNOCK', '] a KNOCK'],
  ])('%s', (_, from, to) => expect(forged(from, to)).toEqual({ trusted: 1, untrusted: 1 }));

  it('what differs in digits alone is the next line of the same log', () => {
    expect(forged('00:00:01', '00:00:02')).toEqual({ trusted: 2, untrusted: 0 });
  });
});
