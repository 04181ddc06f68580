/** Lines that the kernel wrote against the frames that made it write them, in four spellings. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Packet } from '../../src/model.ts';
import { flagNames } from '../../src/packet/format.ts';
import { HostClocks } from '../../src/packet/host-clocks.ts';
import { readLine } from '../../src/packet/line.ts';
import { decode, type Wire } from './frame.ts';

const FOLDER = 'fixtures/loglines';
const READ_AT = Date.UTC(2026, 10, 21, 1) * 1000;

interface Case {
  readonly case: string;
  readonly desc: string;
  readonly lines: readonly number[];
  readonly frames_hex: readonly string[] | null;
}

const cases: Case[] = readFileSync(`${FOLDER}/kernel-made.jsonl`, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const tcp = (src: string, dst: string, id: number | null, len = 40): Wire => {
  return { src, dst, proto: 'tcp', spt: 40_000, dpt: 7_000, flags: ['SYN'], icmp: null, len, id };
};
const udp = (src: string, dst: string, spt: number, id: number): Wire => {
  return { src, dst, proto: 'udp', spt, dpt: 7_000, flags: null, icmp: null, len: 29, id };
};
const unreachable: Wire = {
  ...{ src: '127.0.0.1', dst: '127.0.0.1', proto: 'icmp', spt: null, dpt: null, flags: null },
  ...{ icmp: { type: 3, code: 3 }, len: 57, id: 20_359 },
};
const bridged = tcp('198.51.100.1', '198.51.100.3', 1);
const named = tcp('192.0.2.77', '192.0.2.2', 1);
const loopback = udp('127.0.0.1', '127.0.0.1', 40_951, 34_419);

/** Packets that the machine itself, a bridge or a tun device brought, so that no frame was kept. */
const WITHOUT_FRAME: Readonly<Record<number, Wire>> = {
  139: udp('192.0.2.2', '192.0.2.1', 38_381, 40_368),
  140: udp('192.0.2.2', '192.0.2.1', 60_434, 40_387),
  141: loopback,
  142: loopback,
  143: unreachable,
  144: unreachable,
  168: bridged,
  169: bridged,
  170: tcp('198.51.100.1', '198.51.100.2', 1),
  171: tcp('2001:db8::1', '2001:db8::2', null, 60),
  172: bridged,
  173: bridged,
  174: bridged,
  178: tcp('10.99.0.2', '10.99.0.1', 9),
  179: tcp('10.99.0.2', '10.99.0.1', 9),
  ...Object.fromEntries([180, 181, 182, 183, 184, 185].map((line) => [line, named])),
};
/** The neighbour solicitation of the kernel's own that the first packet over IPv6 caused, logged by the same rule. */
const OF_THE_KERNEL: Readonly<Record<number, Wire>> = {
  112: {
    ...{ src: '2001:db8::1', dst: '2001:db8::2', proto: 'icmpv6', spt: null, dpt: null, flags: null },
    ...{ icmp: { type: 136, code: 0 }, len: 72, id: null },
  },
};

function wireOf({ frames_hex, lines }: Case, line: number): Wire | null {
  const known = OF_THE_KERNEL[line] ?? WITHOUT_FRAME[line];
  if (known !== undefined) return known;
  return decode(frames_hex?.[lines.indexOf(line)] ?? expect.fail(`no frame for line ${line}`));
}

function said(packet: Packet): Wire {
  const { src, dst, proto, spt, dpt, icmp, len, id } = packet;
  const flags = flagNames(packet);
  return { src, dst, proto: proto === '' ? null : proto, spt, dpt, flags, icmp, len: len ?? -1, id };
}

it('there are 187 lines, each of a known case', () => {
  const numbers = cases.flatMap(({ lines }) => lines).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 187 }, (_, index) => index + 1));
});

describe.each(['log', 'rfc3339.log', 'rfc5424.log', 'kmsg'])('kernel-made.%s', (spelling) => {
  const text = readFileSync(`${FOLDER}/kernel-made.${spelling}`);
  const lines = text
    .toString('latin1')
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1'));
  let packets = 0;

  it.each(cases.filter(({ lines }) => lines.length > 0))('$case: $desc', (made) => {
    for (const number of made.lines) {
      const line = lines[number - 1] ?? expect.fail(`no line ${number}`);
      const reading = readLine(line, 0, line.length, null, new HostClocks({ live: false }), READ_AT);
      const wire = wireOf(made, number);
      expect(reading === null ? null : said(reading.packet)).toEqual(wire);
      if (reading === null) continue;
      packets++;
      expect([reading.trusted, reading.why]).toEqual([true, '']);
    }
  });

  it('holds 186 packets, and an ARP request that is none', () => expect(packets).toBe(186));
});

describe('prefixes and interfaces', () => {
  const reading = (number: number, spelling = 'log') => {
    const line = Buffer.from(
      readFileSync(`${FOLDER}/kernel-made.${spelling}`, 'latin1').split('\n')[number - 1] ?? '',
      'latin1',
    );
    return (
      readLine(line, 0, line.length, null, new HostClocks({ live: false }), READ_AT)?.packet ?? expect.fail()
    );
  };
  it.each([
    [146, ''],
    [147, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012'],
    [148, 'LSNOSPACE'],
    [149, '[UFW BLOCK] '],
    [150, 'LSP SRC=9.9.9.9 DPT=22 '],
    [151, 'LSP IN=eth9 OUT=eth8 SRC=9.9.'],
    [152, 'fw: in drop: x -> y: '],
    [153, 'LSU é\\\\ '],
    [154, 'LSQ "q"\tt '],
    [164, 'nf_ct_proto_6: invalid tcp flag combination '],
  ])('line %i has the prefix %j', (number, prefix) => {
    expect([reading(number).prefix, reading(number, 'kmsg').prefix]).toEqual([prefix, prefix]);
  });
  it.each([
    [180, 'DPT=7000'],
    [181, 'x]SRC=6.6.6.6'],
    [182, 'e\u001b[31m\\"é'],
    [184, 'eth0@if7'],
    [185, 'wlp0s20f3-veryl'],
  ])('line %i came in at %j', (number, name) => {
    expect([reading(number).in, reading(number, 'kmsg').in]).toEqual([name, name]);
  });
});
