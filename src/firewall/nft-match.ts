/** Decides whether a statement of an nft rule, as `nft -j` prints it, matches a packet. */

import { parseAddress } from '../lib/address.ts';
import { TCP_FLAGS } from '../model.ts';
import { inside, insideRange, named, not, type Probe, sure, type Takes } from './packet-match.ts';

/** The elements of each named set, by `@name`. */
export type NftSets = ReadonlyMap<string, readonly unknown[]>;

type Fields = Readonly<Record<string, unknown>>;

const ICMP_NUMBERS: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  [8, 'echo-request'],
  [128, 'echo-request'],
]);
const PROTO_NUMBERS: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
  ['icmpv6', 'ipv6-icmp'],
]);
/** What nftables does not count in the length of an IPv6 packet. */
const IPV6_HEADER_BYTES = 40;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param match the object under the key `match` */
export function matches(match: unknown, probe: Probe, sets: NftSets): Takes {
  if (!isFields(match)) return 'maybe';
  const { op, left, right } = match;
  // A packet of another protocol has no such field: it matches neither = nor !=.
  if (!hasField(left, probe)) return 'no';
  const is = compared(left, op, right, probe, sets);
  return op === '!=' ? not(is) : is;
}

function hasField(left: unknown, packet: Pick<Probe, 'proto' | 'family'>): boolean {
  const { proto, family } = packet;
  if (!isFields(left)) return true;
  const { '&': parts, payload } = left;
  if (Array.isArray(parts)) return hasField(parts[0], packet);
  switch (isFields(payload) ? payload['protocol'] : null) {
    case 'ip':
      return family === 4;
    case 'ip6':
      return family === 6;
    case 'tcp':
    case 'udp':
      return isFields(payload) && payload['protocol'] === proto;
    case 'icmp':
      return proto === 'icmp' && family === 4;
    case 'icmpv6':
      return proto === 'icmp' && family === 6;
    default:
      return true;
  }
}

function compared(left: unknown, op: unknown, right: unknown, probe: Probe, sets: NftSets): Takes {
  if (!isFields(left)) return 'maybe';
  const { payload, meta, ct, fib } = left;
  if (Array.isArray(left['&'])) return masked(left['&'], right, probe);
  if (isFields(payload)) return ofPayload(payload, op, right, probe, sets);
  if (isFields(ct)) return ct['key'] === 'state' ? ofState(right, probe, sets) : 'maybe';
  if (isFields(fib)) return right === 'local' && fib['result'] === 'type' ? 'yes' : 'maybe';
  return isFields(meta) ? ofMeta(meta['key'], right, probe, sets) : 'maybe';
}

function ofMeta(key: unknown, right: unknown, probe: Probe, sets: NftSets): Takes {
  switch (key) {
    case 'nfproto':
      return among(right, sets, (value) => sure(value === `ipv${probe.family}`));
    case 'l4proto':
      return among(right, sets, (value) => ofProto(value, probe));
    case 'protocol':
      return among(right, sets, (value) => sure(value === (probe.family === 4 ? 'ip' : 'ip6')));
    case 'iif':
    case 'iifname':
      return among(right, sets, (value) => onInterface(value, probe));
    case 'pkttype':
      return among(right, sets, (value) => sure(value === 'host' || value === 'unicast' || value === 0));
    default:
      return 'maybe';
  }
}

function ofPayload(
  { protocol, field }: Fields,
  op: unknown,
  right: unknown,
  probe: Probe,
  sets: NftSets,
): Takes {
  if (protocol === 'ip' || protocol === 'ip6') return ofHeader(field, right, probe, sets);
  const isEcho = protocol === 'icmp' || protocol === 'icmpv6';
  if (isEcho && field === 'type')
    return among(right, sets, (value) => sure((ICMP_NUMBERS.get(value) ?? value) === 'echo-request'));
  if (field === 'dport') {
    const known = probe.port === null ? null : amongPorts(valuesOf(right, sets), probe.port);
    return known ?? among(right, sets, (value) => atPort(value, op, probe));
  }
  if (field === 'flags' && protocol === 'tcp') return withFlags(op, right, probe);
  return 'maybe';
}

function ofHeader(field: unknown, right: unknown, probe: Probe, sets: NftSets): Takes {
  const { from, to, length, family } = probe;
  switch (field) {
    case 'saddr':
      return among(right, sets, (value) =>
        from === 'stranger' ? sure(isEverything(value)) : inNetwork(value, from),
      );
    case 'daddr':
      return among(right, sets, (value) => inNetwork(value, to));
    case 'protocol':
    case 'nexthdr':
      return among(right, sets, (value) => ofProto(value, probe));
    case 'length':
      return length === null
        ? 'maybe'
        : among(right, sets, (value) => inRange(value, length - (family === 6 ? IPV6_HEADER_BYTES : 0)));
    default:
      return 'maybe';
  }
}

function ofState(right: unknown, { state = 'NEW' }: Probe, sets: NftSets): Takes {
  return among(right, sets, (value) => sure(value === state.toLowerCase()));
}

/** `tcp flags & (syn | ack) == syn` */
function masked([left, mask]: readonly unknown[], right: unknown, { flags }: Probe): Takes {
  const payload = isFields(left) && isFields(left['payload']) ? left['payload'] : {};
  if (payload['protocol'] !== 'tcp' || payload['field'] !== 'flags') return 'maybe';
  const [bits, wanted] = [flagBits(mask), flagBits(right)];
  return bits === null || wanted === null ? 'maybe' : sure((flags & bits) === wanted);
}

function withFlags(op: unknown, right: unknown, { flags }: Probe): Takes {
  const bits = flagBits(right);
  if (bits === null) return 'maybe';
  return sure(op === 'in' ? (flags & bits) !== 0 : flags === bits);
}

function flagBits(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const names = (Array.isArray(value) ? value : [value]).map((name: unknown) => String(name).toUpperCase());
  const bits = Object.entries(TCP_FLAGS).map(([name, bit]) =>
    names.includes(name === 'ECE' ? 'ECN' : name) ? bit : 0,
  );
  const found = bits.filter((bit) => bit !== 0);
  return found.length === names.length ? found.reduce((sum, bit) => sum | bit, 0) : null;
}

/** Whether one of the values that stand on the right is the packet's. */
function among(right: unknown, sets: NftSets, test: (value: unknown) => Takes): Takes {
  const values = valuesOf(right, sets);
  if (values === null) return 'maybe';
  const results = values.map((value) =>
    test(isFields(value) && isFields(value['elem']) ? value['elem']['val'] : value),
  );
  if (results.includes('yes')) return 'yes';
  return results.includes('maybe') ? 'maybe' : 'no';
}

/** Sets that hold nothing but ports, made once: a set may have thousands, and thousands of packets are looked for in it. */
const portSets = new WeakMap<readonly unknown[], ReadonlySet<unknown> | 'mixed'>();

/** Whether a port is in a set; null where the set has more than ports in it. */
function amongPorts(values: readonly unknown[] | null, port: number): Takes | null {
  if (values === null || values.length < 2) return null;
  const known =
    portSets.get(values) ?? (values.every((value) => typeof value === 'number') ? new Set(values) : 'mixed');
  portSets.set(values, known);
  return known === 'mixed' ? null : sure(known.has(port));
}

function valuesOf(right: unknown, sets: NftSets): readonly unknown[] | null {
  if (typeof right === 'string' && right.startsWith('@')) return sets.get(right) ?? null;
  if (Array.isArray(right)) return right;
  if (isFields(right) && Array.isArray(right['set'])) return right['set'];
  return [right];
}

function ofProto(value: unknown, { proto, family }: Probe): Takes {
  const name = proto === 'icmp' && family === 6 ? 'ipv6-icmp' : proto;
  return sure((PROTO_NUMBERS.get(value) ?? value) === name);
}

function onInterface(value: unknown, { interface: name }: Probe): Takes {
  const pattern = String(value).replace(/\*$/, '+');
  if (typeof name === 'string') return sure(named(pattern, name));
  if (name === null) return pattern === 'lo' ? 'no' : 'maybe';
  const fit = name.filter((each) => named(pattern, each)).length;
  return fit > 0 && fit < name.length ? 'maybe' : sure(fit > 0);
}

function atPort(value: unknown, op: unknown, { port }: Probe): Takes {
  if (typeof value !== 'number' || typeof op !== 'string' || !/[<>]/.test(op)) return inRange(value, port);
  if (port === null) return 'maybe';
  return sure(
    { '<': port < value, '>': port > value, '<=': port <= value, '>=': port >= value }[op] ?? false,
  );
}

function inRange(value: unknown, number: number | null): Takes {
  if (isFields(value) && Array.isArray(value['range'])) {
    const [low, high]: readonly unknown[] = value['range'];
    return sure(number !== null && number >= Number(low) && number <= Number(high));
  }
  return typeof value === 'number' ? sure(value === number) : 'maybe';
}

function inNetwork(value: unknown, address: Parameters<typeof inside>[1]): Takes {
  if (isFields(value) && isFields(value['prefix'])) {
    const { addr, len } = value['prefix'];
    return inside(`${String(addr)}/${String(len)}`, address);
  }
  if (isFields(value) && Array.isArray(value['range'])) return insideRange(value['range'].join('-'), address);
  return typeof value === 'string' && parseAddress(value) !== null ? inside(value, address) : 'maybe';
}

/** 0.0.0.0/0 */
function isEverything(value: unknown): boolean {
  return isFields(value) && isFields(value['prefix']) && value['prefix']['len'] === 0;
}
