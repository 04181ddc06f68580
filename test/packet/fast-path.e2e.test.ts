/** A million lines of realistic traffic, some of them damaged: the fast path finds what the careful reader believes. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { readLine } from '../../src/packet/line.ts';
import { PacketScan } from '../../src/packet/scan.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

const LINES = 1_000_000;
const BATCH_BYTES = 1024 * 1024;
const READ_AT = Date.UTC(2026, 10, 23) * 1000;
const PREFIX = Buffer.from('KNOCK ');
const LF = 0x0a;
const DAMAGED_EVERY = 20;

it.each(['rfc3339', 'rfc3164', 'kmsg'])(
  'of %s stamps',
  (stamps) => {
    const path = join(scratchFolder(), 'kern.log');
    const lines = String(Math.floor(LINES / 3));
    execFileSync(process.execPath, [
      'bench/generate.mjs',
      '--lines',
      lines,
      '--stamps',
      stamps,
      '--out',
      path,
    ]);
    const log = readFileSync(path);
    damage(log);
    const scan = new PacketScan({ prefix: 'KNOCK ', live: false });
    const clocks = new HostClocks({ live: false });
    let [compared, damaged] = [0, 0];
    for (let start = 0; start < log.length; ) {
      const end = log.lastIndexOf(LF, start + BATCH_BYTES) + 1;
      const batch = log.subarray(start, end);
      const found: Packet[] = [];
      scan.scan(batch, READ_AT, (packet) => found.push(packet));
      const { believed, others } = readWithCare(batch, clocks);
      expect(found.map(textOf)).toEqual(believed.map(textOf));
      compared += found.length;
      damaged += others;
      start = end;
    }
    expect(compared).toBeGreaterThan(LINES / 6);
    expect(damaged).toBeGreaterThan(LINES / 1_000);
  },
  300_000,
);

/** Flips a bit of every twentieth line or so, but leaves the lines that there are. */
function damage(log: Buffer): void {
  let state = 5;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const meanLine = 250;
  for (let at = 0; at < log.length; at += 1 + random(2 * DAMAGED_EVERY * meanLine)) {
    const byte = (log[at] ?? 0) ^ (1 << random(7));
    if (log[at] !== LF && byte !== LF) log[at] = byte;
  }
}

function readWithCare(
  batch: Buffer,
  clocks: HostClocks,
): { readonly believed: readonly Packet[]; readonly others: number } {
  const believed: Packet[] = [];
  let others = 0;
  for (let start = 0; start < batch.length; ) {
    const end = batch.indexOf(LF, start);
    const reading = readLine(batch, start, end, PREFIX, clocks, READ_AT);
    if (reading?.trusted === true) believed.push(reading.packet);
    else if (batch.subarray(start, end).includes('DPT=')) others++;
    start = end + 1;
  }
  return { believed, others };
}

function textOf(packet: Packet): string {
  return JSON.stringify(packet);
}
