/** Time belongs to a host, and never to one line: what other hosts and wild stamps do to a knock. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/attempt/engine.ts';
import { switchesFor } from '../../src/attempt/switches.ts';
import { type Packet, US_PER_SECOND } from '../../src/model.ts';
import { RecordedTime } from '../../src/packet/recorded-time.ts';
import { PacketScan, type ScanOptions } from '../../src/packet/scan.ts';
import { door } from '../attempt/traffic.ts';
import { runs } from '../support/runs.ts';

const S = US_PER_SECOND;
const BOOT = Date.UTC(2026, 10, 20) * 1000;
const START = BOOT + 86_400 * S;
const OWN = 'gate';
const DOOR = door('ssh: 4438,1813:udp,8235');

interface Line {
  /** Microseconds after the start at which it is written and read. */
  readonly at: number;
  readonly host: string;
  readonly src: string;
  readonly port: number;
  readonly udp?: boolean;
  /** What its two stamps are off by. */
  readonly wallUs: number;
  readonly uptimeUs: number;
}

type Spelling = 'rfc3339' | 'rfc3164' | 'rfc3164 without uptime';

function textOf(
  { at, host, src, port, udp, wallUs, uptimeUs }: Line,
  spelling: Spelling,
  serial: number,
): string {
  const wall = new Date((START + at + wallUs) / 1000);
  const uptime = Math.max(1, START - BOOT + at + uptimeUs);
  const iso = `${wall.toISOString().slice(0, 23)}${String((START + at) % 1000).padStart(3, '0')}+00:00`;
  const rfc3164 = `${['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][wall.getMonth()]} ${String(wall.getDate()).padStart(2)} ${wall.toTimeString().slice(0, 8)}`;
  const kernel = `[${Math.floor(uptime / S)}.${String(uptime % S).padStart(6, '0')}] `;
  const body = udp
    ? `PROTO=UDP SPT=${40_000 + serial} DPT=${port} LEN=9 `
    : `PROTO=TCP SPT=${40_000 + serial} DPT=${port} WINDOW=64240 RES=0x00 SYN URGP=0 `;
  return `${spelling === 'rfc3339' ? iso : rfc3164} ${host} kernel: ${spelling === 'rfc3164 without uptime' ? '' : kernel}KNOCK IN=eth0 OUT= SRC=${src} DST=203.0.113.10 LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=${serial} DF ${body}\n`;
}

const knock = (host: string, src: string, at: number): Line[] =>
  [4438, 1813, 8235].map((port, step) => ({
    ...{ at: at + step * 60_000, host, src, port, udp: port === 1813 },
    ...{ wallUs: 0, uptimeUs: 0 },
  }));

const scanOf = (engine: Engine, options: Partial<ScanOptions>): PacketScan =>
  new PacketScan({ prefix: 'KNOCK ', live: false, ownName: OWN, notes: engine, ...options });

const opened = (packet: Packet, decisions: ReturnType<Engine['handlePacket']>): string[] =>
  decisions.flatMap(({ event, host, source }) =>
    event === 'open' ? [`${host} ${source} ${packet.dpt}`] : [],
  );

/** As the daemon reads a log: each line as it is written, and time passes by its own clock. */
function openedLive(lines: readonly Line[], spelling: Spelling): string[] {
  const engine = new Engine([DOOR], switchesFor('none', 8), { ownHost: OWN, capacity: 512 });
  const scan = scanOf(engine, { live: true });
  const opens: string[] = [];
  for (const [serial, line] of lines.entries()) {
    const readAt = START + line.at + 1_000;
    engine.handleTimeout(readAt - 2 * S);
    scan.scan(
      Buffer.from(textOf(line, spelling, serial)),
      readAt,
      (packet) => {
        opens.push(...opened(packet, engine.handlePacket(packet, readAt)));
      },
      BOOT,
    );
  }
  return opens;
}

/** As `replay` reads it: all at once, long afterwards. */
function openedInRecord(lines: readonly Line[], spelling: Spelling): string[] {
  const engine = new Engine([DOOR], switchesFor('none', 8), { capacity: 512 });
  const time = new RecordedTime();
  const opens: string[] = [];
  const play = (played: ReturnType<RecordedTime['next']>): void => {
    if (played === null) return;
    engine.handleTimeout(played.passedAt, played.packet.host);
    opens.push(...opened(played.packet, engine.handlePacket(played.packet)));
  };
  const scan = scanOf(engine, { ownName: null, notes: null });
  scan.scan(
    Buffer.from(lines.map((line, serial) => textOf(line, spelling, serial)).join('')),
    START + 40 * 86_400 * S,
    (packet) => play(time.next(packet)),
  );
  play(time.end());
  return opens;
}

const spelling = fc.constantFrom<Spelling>('rfc3339', 'rfc3164', 'rfc3164 without uptime');
const far = fc
  .constantFrom(-1e6, -86_400, -3_600, -1_000, -60, -5, 5, 60, 1_000, 3_600, 86_400, 1e6)
  .map((seconds) => seconds * S);
/** Knocks at this host, some seconds apart. */
const knocks = fc
  .array(fc.integer({ min: 1_500_000, max: 20_000_000 }), { minLength: 1, maxLength: 5 })
  .map((pauses) => {
    let at = 0;
    return pauses.flatMap((pause, index) => {
      at += pause;
      return knock(OWN, `192.0.2.${index + 1}`, at);
    });
  });
/** Where in the log each extra line goes, whose it is, and what is wrong with it. */
const extras = fc.array(
  fc.record({
    place: fc.nat(1_000),
    host: fc.constantFrom(OWN, 'mail', 'web1', 'web2', 'a.example.org'),
    port: fc.constantFrom(25, 23, 4438, 8235),
    wallUs: fc.oneof(fc.constant(0), far),
    uptimeUs: fc.oneof(fc.constant(0), far),
  }),
  { maxLength: 12 },
);

/** Puts extra lines between others, never two wild ones of this host in a row. */
function mixed(
  lines: readonly Line[],
  more: typeof extras extends fc.Arbitrary<infer T> ? T : never,
): Line[] {
  const all: Line[] = [...lines];
  const taken = new Set<number>();
  for (const { place, host, ...rest } of more) {
    const index = place % lines.length;
    const at = (lines[index]?.at ?? 0) - 20_000;
    if (host === OWN && taken.has(index)) continue;
    if (host === OWN) taken.add(index);
    all.push({ ...rest, host, at, src: '198.51.100.9' });
  }
  return all.sort((a, b) => a.at - b.at);
}

const expected = (lines: readonly Line[]): string[] =>
  lines.filter(({ port }) => port === 8235).map(({ host, src }) => `${host} ${src} 8235`);
const ofKnockers = (opens: readonly string[]): string[] =>
  opens.filter((open) => !open.includes('198.51.100.9'));

describe('a log that several hosts write, with lines whose stamps are wild', () => {
  it.each([
    ['read as it is written', openedLive],
    ['read as a record', openedInRecord],
  ] as const)('opens for each knock, %s', (_, read) => {
    fc.assert(
      fc.property(knocks, extras, spelling, (lines, more, spelling) => {
        expect(ofKnockers(read(mixed(lines, more), spelling))).toEqual(expected(lines));
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('opens for a knock at any of the hosts, younger and older ones', () => {
    for (const uptimeUs of [0, -80_000 * S, 1e6 * S]) {
      const lines = [...knock('web1', '192.0.2.1', 0), ...knock('web2', '192.0.2.1', 2_000_000)].map(
        (line) => (line.host === 'web1' ? { ...line, uptimeUs } : line),
      );
      expect(openedLive(lines, 'rfc3339')).toEqual(['web1 192.0.2.1 8235', 'web2 192.0.2.1 8235']);
    }
  });

  it('opens for no knock of which a part was logged by another host', () => {
    const lines = knock('web1', '192.0.2.1', 0).map((line, index) =>
      index === 1 ? { ...line, host: 'web2' } : line,
    );
    expect(openedLive(lines, 'rfc3339')).toEqual([]);
  });

  it('opens for a knock at a host whose clock is slow by more than the window of the door', () => {
    const lines = knock('web1', '192.0.2.1', 0).map((line) => ({
      ...line,
      wallUs: -8 * S,
      uptimeUs: 500 * S,
    }));
    expect(openedLive(lines, 'rfc3339')).toEqual(['web1 192.0.2.1 8235']);
  });
});

describe('somebody who forges a line a second', () => {
  it.each([-1e6, -86_400, -1_000, 1_000, 1e6])(
    'with an uptime that is off by %d s shuts no door',
    (seconds) => {
      const forged = Array.from({ length: 20 }, (_, second) => ({
        ...{ at: second * S, host: OWN, src: '198.51.100.9', port: 23 },
        ...{ wallUs: 0, uptimeUs: seconds * S },
      }));
      const lines = [
        ...forged,
        ...knock(OWN, '192.0.2.1', 10_400_000),
        ...knock(OWN, '192.0.2.2', 15_950_000),
      ];
      lines.sort((a, b) => a.at - b.at);
      expect(openedLive(lines, 'rfc3339')).toEqual([`${OWN} 192.0.2.1 8235`, `${OWN} 192.0.2.2 8235`]);
    },
  );
});
