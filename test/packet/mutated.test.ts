/** Damaged lines -> never an exception, never a field that is out of range. */

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { readLine } from '../../src/packet/line.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { runs } from '../support/runs.ts';

const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;
const RUNS = runs(5_000);
const LF = 10;

const lines = ['log', 'rfc3339.log', 'rfc5424.log', 'kmsg'].flatMap((spelling) =>
  readFileSync(`fixtures/loglines/kernel-made.${spelling}`, 'latin1')
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1')),
);

function read(line: Buffer, prefix: Buffer | null = null) {
  return readLine(line, 0, line.length, prefix, new HostClocks({ live: false }), READ_AT);
}

function check({ src, dst, spt, dpt, flags, len, id, time }: Packet): void {
  expect(isIP(src)).toBeGreaterThan(0);
  expect(isIP(dst)).toBeGreaterThan(0);
  for (const port of [spt, dpt])
    expect(port === null || (port >= 0 && port <= 65_535 && Number.isInteger(port))).toBe(true);
  for (const number of [flags, len, id])
    expect(number === null || (Number.isSafeInteger(number) && number >= 0)).toBe(true);
  expect(Number.isSafeInteger(time)).toBe(true);
}

const anyLine = fc.nat(lines.length - 1).map((index) => lines[index] ?? Buffer.alloc(0));
const place = fc.nat(1_000);
const flipped = fc
  .tuple(anyLine, fc.array(fc.tuple(place, fc.nat(7)), { minLength: 1, maxLength: 8 }))
  .map(([line, flips]) => {
    const bytes = Buffer.from(line);
    for (const [at, bit] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
    return bytes;
  });
const cut = fc
  .tuple(anyLine, place, place)
  .map(([line, from, to]) => line.subarray(from % line.length, line.length - (to % line.length)));
const joined = fc
  .tuple(anyLine, place, anyLine, place)
  .map(([one, end, other, start]) =>
    Buffer.concat([one.subarray(0, end % one.length), other.subarray(start % other.length)]),
  );
const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const damaged = fc.oneof(
  { weight: 4, arbitrary: flipped },
  { weight: 3, arbitrary: cut },
  { weight: 3, arbitrary: joined },
  { weight: 1, arbitrary: random },
);

it(`${RUNS} damaged lines never throw, and never tell of an address or port that is none`, () => {
  let packets = 0;
  fc.assert(
    fc.property(damaged, (line) => {
      const reading = read(line);
      if (reading === null) return;
      packets++;
      check(reading.packet);
    }),
    { numRuns: RUNS },
  );
  expect(packets, 'some must survive, else it proves nothing').toBeGreaterThan(RUNS / 20);
});

describe('a line that is cut off at any byte', () => {
  it('never tells of another port, address or flag, and is not believed where flags may be missing', () => {
    for (const line of lines) {
      const whole = read(line)?.packet;
      if (whole === undefined) continue;
      for (let end = 0; end < line.length; end++) {
        const reading = read(line.subarray(0, end));
        if (reading === null) continue;
        const { src, dst, spt, dpt, flags } = reading.packet;
        const at = `${line.toString('latin1', 0, end)}|`;
        expect([src, dst], at).toEqual([whole.src, whole.dst]);
        if (spt !== null) expect([spt, dpt], at).toEqual([whole.spt, whole.dpt]);
        if (flags !== null) expect(flags & ~(whole.flags ?? 0), at).toBe(0);
        if (reading.trusted)
          expect([dpt, flags], at).toEqual([
            dpt === null ? null : whole.dpt,
            flags === null ? null : whole.flags,
          ]);
      }
    }
  });
});

it('the scan of a batch finds exactly the packets that are believed line by line, in their order', () => {
  const prefixes = [
    'LS002: ',
    'LS0',
    '',
    'LSNOSPACE',
    '[UFW BLOCK] ',
    'LSU é\\\\ ',
    'LSP IN=eth9 OUT=eth8 SRC=9.9.',
  ];
  const forged = anyLine.map((line) =>
    Buffer.from(line.toString('latin1').replace('kernel', 'app: kernel').replace(/^4,/, '12,'), 'latin1'),
  );
  const anyPiece = fc.oneof(
    { weight: 4, arbitrary: anyLine },
    { weight: 2, arbitrary: damaged },
    { weight: 1, arbitrary: forged },
  );
  fc.assert(
    fc.property(fc.array(anyPiece, { maxLength: 30 }), fc.constantFrom(...prefixes), (pieces, prefix) => {
      const whole = pieces.map((piece) => Buffer.from(piece.filter((byte) => byte !== LF)));
      const batch = Buffer.concat(whole.flatMap((piece) => [piece, Buffer.from('\n')]));
      const clock = new HostClocks({ live: false });
      const believed = whole.flatMap((piece) => {
        const reading = readLine(piece, 0, piece.length, Buffer.from(prefix), clock, READ_AT);
        return reading?.trusted === true ? [reading.packet] : [];
      });
      const found: Packet[] = [];
      new PacketScan({ prefix, live: false }).scan(batch, READ_AT, (packet) => found.push(packet));
      expect(found).toEqual(believed);
    }),
    { numRuns: runs(500) },
  );
});
