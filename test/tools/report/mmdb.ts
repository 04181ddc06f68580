/** Networks and their records -> a database in MaxMind DB format 2.0, as small as can be. */

import { isIPv6 } from 'node:net';

type Value = string | number | { readonly [key: string]: Value };
/** A record by its offset in the data, or nothing. */
type Child = Node | number | null;
type Node = [Child, Child];

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const RECORD_BITS = 24;
const SEPARATOR_BYTES = 16;
const IPV4_AT_BITS = 96;

/** @param records by network, such as `192.0.2.0/24`; in a database for IPv4 alone, of IPv4 alone */
export function mmdbOf(records: Readonly<Record<string, Value>>, ipVersion: 4 | 6 = 6): Buffer {
  const root: Node = [null, null];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [network, record] of Object.entries(records)) {
    const encoded = encode(record);
    insert(root, bitsOf(network).slice(ipVersion === 4 ? IPV4_AT_BITS : 0), offset);
    data.push(encoded);
    offset += encoded.length;
  }
  const nodes = nodesOf(root);
  const tree = Buffer.concat(nodes.flatMap((node) => node.map((child) => recordOf(child, nodes))));
  const metadata = encode({
    node_count: nodes.length,
    record_size: RECORD_BITS,
    ip_version: ipVersion,
    database_type: 'Test-Country',
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_795_219_200,
  });
  return Buffer.concat([tree, Buffer.alloc(SEPARATOR_BYTES), ...data, MARKER, metadata]);
}

function insert(root: Node, bits: readonly (0 | 1)[], offset: number): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit];
    const below: Node = Array.isArray(next) ? next : [null, null];
    node[bit] = below;
    node = below;
  }
  node[bits.at(-1) ?? 0] = offset;
}

function nodesOf(root: Node): readonly Node[] {
  const nodes = [root];
  // The list grows as it is walked.
  for (const node of nodes) nodes.push(...node.filter((child) => Array.isArray(child)));
  return nodes;
}

function recordOf(child: Child, nodes: readonly Node[]): Buffer {
  const record = Buffer.alloc(RECORD_BITS / 8);
  const value = Array.isArray(child)
    ? nodes.indexOf(child)
    : nodes.length + (child === null ? 0 : SEPARATOR_BYTES + child);
  record.writeUIntBE(value, 0, record.length);
  return record;
}

function bitsOf(network: string): readonly (0 | 1)[] {
  const [address = '', length = ''] = network.split('/');
  const isV6 = isIPv6(address);
  const bytes = isV6 ? bytesOfV6(address) : address.split('.').map(Number);
  const bits = bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')]);
  const own = bits.slice(0, Number(length)).map((bit) => (bit === '1' ? 1 : 0));
  return isV6 ? own : [...Array<0>(IPV4_AT_BITS).fill(0), ...own];
}

function bytesOfV6(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
}

/** Control bytes of the format: the type in the upper three bits, the size in the others. */
function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([Buffer.from([(2 << 5) | value.length]), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(5, (6 << 5) | 4);
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  const pairs = Object.entries(value).flatMap(([key, each]) => [encode(key), encode(each)]);
  return Buffer.concat([Buffer.from([(7 << 5) | (pairs.length / 2)]), ...pairs]);
}
