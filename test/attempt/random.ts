/** Makes random doors and traffic from bytes, so that fast-check can make and shrink them quickly. */

import type { Lock, Packet, Step } from '../../src/model.ts';
import { TCP_FLAGS, US_PER_SECOND } from '../../src/model.ts';
import { address, asPort, packet } from './traffic.ts';

const START_US = 1_795_219_200 * US_PER_SECOND + 300_000;
const DOOR_PORTS = 4;
const FLAGS = [TCP_FLAGS.SYN, TCP_FLAGS.SYN | TCP_FLAGS.ACK, TCP_FLAGS.FIN, TCP_FLAGS.SYN];
const TIMEOUTS_S = [1, 2, 3, 5];
/** Mostly fast, at times around the windows and at their very edges. */
const GAPS_US = [
  0, 1, 20_000, 60_000, 100_000, 300_000, 699_999, 999_999, 1_000_000, 1_000_001, 1_900_000, 3_000_000,
];

const IPV4_ECHO_BYTES = 28;
const PING_SIZES = [8, 56];

export interface Scene {
  readonly doors: readonly Lock[];
  readonly packets: readonly Packet[];
}

/** Doors and packets that meet often: few ports, few sources, many repeats. */
export function sceneFrom(doorBytes: Uint8Array, packetBytes: Uint8Array): Scene {
  return { doors: doorsFrom(doorBytes), packets: packetsFrom(packetBytes) };
}

function doorsFrom(bytes: Uint8Array): Lock[] {
  const doors: Lock[] = [];
  let at = 0;
  const next = () => bytes[at++] ?? 0;
  do {
    const head = next();
    const length = 1 + (head % 5);
    const sequence = Array.from({ length }, () => stepFrom(next()));
    const live = [sequence];
    const rules = [null, { set: TCP_FLAGS.SYN, clear: 0 }, { set: TCP_FLAGS.SYN, clear: TCP_FLAGS.ACK }];
    doors.push({
      name: `door${doors.length}`,
      seqTimeoutUs: (TIMEOUTS_S[(head >> 5) % TIMEOUTS_S.length] ?? 5) * US_PER_SECOND,
      tcpflags: rules[(head >> 3) % 4] ?? null,
      traps: [],
      admits: () => true,
      sequences: () => live,
      used: () => undefined,
    });
  } while (at < bytes.length);
  return doors;
}

function stepFrom(byte: number): Step {
  if (byte >= 232) return { proto: 'icmp', size: byte % 3 === 0 ? null : (PING_SIZES[byte % 2] ?? 0) };
  return { proto: byte % 4 === 0 ? 'udp' : 'tcp', port: asPort(100 + ((byte >> 2) % DOOR_PORTS)) };
}

function packetsFrom(bytes: Uint8Array): Packet[] {
  const sent: Packet[] = [];
  let time = START_US;
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const [what = 0, when = 0] = [bytes[at], bytes[at + 1]];
    time += GAPS_US[when % GAPS_US.length] ?? 0;
    const isUdp = what % 4 === 0;
    const stray = when >= 232;
    if (!stray && when >= 216) {
      sent.push(ping(time, what, sent.length));
      continue;
    }
    // A flood of one port of no door.
    const copies = when >= 248 ? 12 : 1;
    const port = stray ? 200 + (what % 16) : 100 + ((what >> 2) % DOOR_PORTS);
    const src = address(`192.0.2.${1 + ((what >> 4) % 2)}`);
    const dpt = asPort(port);
    const proto = isUdp ? 'udp' : 'tcp';
    const before =
      (what >> 5) % 4 === 0
        ? sent.findLast((p) => p.src === src && p.dpt === dpt && p.proto === proto)
        : undefined;
    const made = packet({
      time,
      src,
      dpt,
      proto,
      spt: before?.spt ?? asPort(40_000 + sent.length),
      flags: isUdp ? null : (FLAGS[(what >> 6) % 4] ?? 0),
    });
    for (let copy = 0; copy < copies; copy++) sent.push({ ...made, id: sent.length });
  }
  return sent;
}

function ping(time: number, what: number, id: number): Packet {
  return packet({
    time,
    src: address(`192.0.2.${1 + ((what >> 4) % 2)}`),
    proto: 'icmp',
    spt: null,
    icmp: { type: 8, code: 0 },
    len: IPV4_ECHO_BYTES + (PING_SIZES[what % 2] ?? 0),
    id,
  });
}
