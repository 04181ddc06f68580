/** Every spelling in which loggers and shippers were seen to write a line of the kernel's. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isoTime } from '../../src/lib/time.ts';
import { LOG_FORMATS, type LogFormat, type Packet } from '../../src/model.ts';
import { flagNames } from '../../src/packet/format.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { lineReader } from '../../src/packet/line-reader.ts';
import { PacketScan } from '../../src/packet/scan.ts';

const spelling = z.object({
  format: z.enum(LOG_FORMATS),
  /** Who wrote it, and how. */
  by: z.string(),
  line: z.string(),
  /** That of the machine that wrote it. */
  timezone: z.string().default('UTC'),
  prefix: z.string().default('FMTK '),
  readAt: z.string().default('2026-11-28T00:00:00Z'),
  expect: z.object({
    /** Null where the line does not say. */
    time: z.string().nullable(),
    host: z.string(),
    src: z.string(),
    proto: z.string(),
    dpt: z.number(),
    flags: z.array(z.string()).nullable(),
  }),
});
type Spelling = z.output<typeof spelling>;

const SPELLINGS = readFileSync('fixtures/spellings/lines.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((text) => spelling.parse(JSON.parse(text)));
const ofFormat = (format: LogFormat): Spelling[] => SPELLINGS.filter((each) => each.format === format);
const KERNEL = ofFormat('kernel');
const ANY = ofFormat('any');

/** The packet of a line that is believed. */
function read(bytes: Buffer, { timezone, prefix, readAt }: Spelling, format: LogFormat): Packet | null {
  const clocks = new HostClocks({ live: false, timezone });
  const reader = lineReader(format, Buffer.from(prefix), clocks);
  const reading = reader(bytes, 0, bytes.length, Date.parse(readAt) * 1000);
  return reading?.trusted === true ? reading.packet : null;
}

function factsOf(packet: Packet | null) {
  if (packet === null) return null;
  const { src, proto, dpt } = packet;
  return { src, proto, dpt, flags: flagNames(packet) };
}

describe.each(SPELLINGS)('$format: $by', (it_) => {
  const bytes = Buffer.from(it_.line);
  const { time, host, ...facts } = it_.expect;

  it('is read', () => {
    const packet = read(bytes, it_, it_.format);
    expect(factsOf(packet)).toEqual(facts);
    expect(packet?.host).toBe(host);
    expect(packet?.prefix.trimEnd()).toBe(it_.prefix.trimEnd());
    if (time !== null) expect(isoTime(packet?.time ?? 0)).toBe(time);
  });

  it('is read by format: any, with the same host and within a second of the same time', () => {
    const packet = read(bytes, it_, 'any');
    expect(factsOf(packet)).toEqual(facts);
    expect(packet?.host).toBe(host);
    if (time !== null) expect(Math.abs((packet?.time ?? 0) / 1000 - Date.parse(time))).toBeLessThan(1_000);
  });

  it.each([...new Set([it_.format, 'any' as const])])('is no other packet where it is cut: %s', (format) => {
    for (let end = 0; end < bytes.length; end++) {
      const packet = read(bytes.subarray(0, end), it_, format);
      if (packet !== null) expect([end, factsOf(packet)]).toEqual([end, facts]);
    }
  });

  it.each([...new Set([it_.format, 'any' as const])])(
    'is no packet where it is doubled, or run into another: %s',
    (format) => {
      for (const { line } of SPELLINGS) {
        const others = [Buffer.from(line + it_.line), Buffer.from(it_.line + line)];
        // What ends a line also keeps two apart.
        const joined = others.filter((other) => !/[\r\0]|#0\d\d/.test(other.toString()));
        for (const other of joined) expect([line, factsOf(read(other, it_, format))]).toEqual([line, null]);
      }
    },
  );
});

describe.each(ANY)('$by', (it_) => {
  it('is not believed where others may write to the log', () => {
    expect(read(Buffer.from(it_.line), it_, 'kernel')).toBeNull();
  });
});

it.each([
  ['kernel', KERNEL],
  ['any', ANY],
  ['any', KERNEL],
] as const)('a scan with format: %s finds all of a batch', (format, spellings) => {
  const wanted = spellings.filter(({ prefix }) => prefix === 'FMTK ');
  const batch = Buffer.from(wanted.map(({ line }) => `${line}\n`).join(''));
  const found: Packet[] = [];
  const scan = new PacketScan({ prefix: 'FMTK ', live: false, format });
  scan.scan(batch, Date.parse('2026-11-28T00:00:00Z') * 1000, (packet) => found.push(packet));
  expect(found.map(factsOf)).toEqual(wanted.map(({ expect: { time: _, host: __, ...facts } }) => facts));
  expect(scan.counts).toEqual({ trusted: wanted.length, untrusted: 0 });
});
