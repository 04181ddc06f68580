/** An Ethernet frame -> what a LOG line has to say of it, read from the bytes of the wire. */

import { TCP_FLAGS } from '../../src/model.ts';
import { address } from '../openings.ts';

export interface Wire {
  readonly src: string;
  readonly dst: string;
  /** Null where the kernel writes no protocol. */
  readonly proto: string | null;
  readonly spt: number | null;
  readonly dpt: number | null;
  /** In the kernel's order. */
  readonly flags: readonly string[] | null;
  readonly icmp: { readonly type: number; readonly code: number } | null;
  readonly len: number;
  readonly id: number | null;
}

const [ETHERNET_BYTES, VLAN_BYTES, IPV6_BYTES] = [14, 4, 40];
const NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  136: 'udplite',
};
const [HOP_BY_HOP, ROUTING, FRAGMENT, ESP, AUTHENTICATION, OPTIONS] = [0, 43, 44, 50, 51, 60];

/** Null for a frame that is neither IPv4 nor IPv6. */
export function decode(hex: string): Wire | null {
  const frame = Buffer.from(hex, 'hex');
  const isTagged = frame.readUInt16BE(12) === 0x8100;
  const start = ETHERNET_BYTES + (isTagged ? VLAN_BYTES : 0);
  const type = frame.readUInt16BE(start - 2);
  const packet = frame.subarray(start);
  if (type === 0x0800) return ipv4(packet);
  return type === 0x86dd ? ipv6(packet) : null;
}

function ipv4(packet: Buffer): Wire {
  const headerBytes = ((packet[0] ?? 0) & 15) * 4;
  const isFirst = (packet.readUInt16BE(6) & 0x1fff) === 0;
  const length = packet.readUInt16BE(2);
  const payload = packet.subarray(headerBytes, length);
  return {
    ...transport(packet[9] ?? 0, isFirst ? payload : Buffer.alloc(0)),
    src: [...packet.subarray(12, 16)].join('.'),
    dst: [...packet.subarray(16, 20)].join('.'),
    len: length,
    id: packet.readUInt16BE(4),
  };
}

function ipv6(packet: Buffer): Wire {
  const end = IPV6_BYTES + packet.readUInt16BE(4);
  const base = { src: hex6(packet.subarray(8, 24)), dst: hex6(packet.subarray(24, 40)), len: end, id: null };
  let next = packet[6] ?? 0;
  let at = IPV6_BYTES;
  let isFirst = true;
  while ([HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, OPTIONS].includes(next)) {
    // The kernel stops where an extension header is cut off, and writes TRUNCATED.
    if (at + 8 > packet.length) return { ...base, ...nothing(null) };
    const unit = packet[at + 1] ?? 0;
    if (next === FRAGMENT) isFirst = (packet.readUInt16BE(at + 2) & 0xfff8) === 0;
    const bytes = next === FRAGMENT ? 8 : next === AUTHENTICATION ? (unit + 2) * 4 : (unit + 1) * 8;
    next = packet[at] ?? 0;
    at += bytes;
  }
  if (next === ESP) return { ...base, ...nothing('esp') };
  return { ...base, ...transport(next, isFirst ? packet.subarray(at, end) : Buffer.alloc(0)) };
}

type Transport = Pick<Wire, 'proto' | 'spt' | 'dpt' | 'flags' | 'icmp'>;

function transport(number: number, payload: Buffer): Transport {
  const proto = NAMES[number] ?? String(number);
  const ports = () => ({ spt: payload.readUInt16BE(0), dpt: payload.readUInt16BE(2) });
  if (proto === 'tcp' && payload.length >= 20) {
    const bits = payload.readUInt16BE(12) & 0x1ff;
    const flags = Object.entries(TCP_FLAGS).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
    return { ...nothing(proto), ...ports(), flags };
  }
  if ((proto === 'udp' || proto === 'udplite') && payload.length >= 8)
    return { ...nothing(proto), ...ports() };
  if ((proto === 'icmp' || proto === 'icmpv6') && payload.length >= 8) {
    return { ...nothing(proto), icmp: { type: payload[0] ?? 0, code: payload[1] ?? 0 } };
  }
  return nothing(proto);
}

function nothing(proto: string | null): Transport {
  return { proto, spt: null, dpt: null, flags: null, icmp: null };
}

function hex6(bytes: Buffer): string {
  return address((bytes.toString('hex').match(/.{4}/g) ?? []).join(':'));
}
