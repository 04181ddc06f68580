/** Parses addresses and ports: the only place that makes canonical ones. */

import { isIP } from 'node:net';
import type { Address, AddressNumbers, Family, Port } from '../model.ts';

const [DOT, ZERO, NINE, COLON] = [0x2e, 0x30, 0x39, 0x3a];
/** Of a letter: its lower case, and what a hexadecimal digit is less than its code. */
const [LOWER_CASE, LETTER_OFFSET] = [0x20, 0x61 - 10];
/** An IPv6 address is eight of them. */
const [GROUP_BITS, GROUP, GROUPS] = [16, 0xffff, 8];
const OCTET = 0xff;
const OCTETS = Array.from({ length: 256 }, (_, octet) => String(octet));
const DOTTED = OCTETS.map((octet) => `${octet}.`);
/** The groups before the IPv4 address of an address that has one in it (RFC 4291, 2.5.5). */
const IPV4_AT = 6;

/**
 * The canonical form of an address, or null when the text is none.
 *
 * Strict where look-alikes are dangerous: `010.1.1.1` is no address (inet_aton would read it as octal), and
 * a zone (`fe80::1%eth0`) is none, since a rule cannot carry it.
 */
export function parseAddress(text: string): Address | null {
  const family = isIP(text);
  if (family === 4) return text as Address;
  if (family !== 6 || text.includes('%')) return null;
  return canonical(groupsOf(text));
}

/** The first address of the network that has this one in it, by its first so many bits. */
export function networkOf(address: Address, length: number): Address {
  const four = ipv4Number(address);
  if (four !== null) return ipv4Address(length === 0 ? 0 : four & (-1 << (32 - length)));
  const groups = groupsOf(address);
  groups.forEach((group, index) => {
    const kept = Math.min(Math.max(length - index * GROUP_BITS, 0), GROUP_BITS);
    groups[index] = group & (GROUP << (GROUP_BITS - kept));
  });
  return canonical(groups);
}

export function familyOf(address: Address): Family {
  return address.includes(':') ? 6 : 4;
}

/** An IPv4 address as a signed number of 32 bits; null for one of IPv6. */
export function ipv4Number(address: Address): number | null {
  let number = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === COLON) return null;
    if (code !== DOT) octet = octet * 10 + (code - ZERO);
    else {
      number = (number << 8) | octet;
      octet = 0;
    }
  }
  return (number << 8) | octet;
}

/** An address as integers. */
export function numbersOf(address: Address): AddressNumbers {
  const ipv4 = ipv4Number(address);
  if (ipv4 !== null) return { isIpv6: false, a: ipv4, b: 0, c: 0, d: 0 };
  const groups = groupsOf(address);
  const pair = (index: number): number => ((groups[index] ?? 0) << GROUP_BITS) | (groups[index + 1] ?? 0);
  return { isIpv6: true, a: pair(0), b: pair(2), c: pair(4), d: pair(6) };
}

/** The address that integers stand for. */
export function addressOf({ isIpv6, a, b, c, d }: AddressNumbers): Address {
  if (!isIpv6) return ipv4Address(a);
  return canonical(
    Uint16Array.of(a >>> GROUP_BITS, a, b >>> GROUP_BITS, b, c >>> GROUP_BITS, c, d >>> GROUP_BITS, d),
  );
}

export function ipv4Address(number: number): Address {
  return (dotted(number >>> 24) +
    dotted(number >>> 16) +
    dotted(number >>> 8) +
    OCTETS[number & OCTET]) as Address;
}

function dotted(number: number): string {
  return DOTTED[number & OCTET] as string;
}

/** The port that plain decimal digits name, or null. */
export function parsePort(text: string): Port | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  return toPort(Number(text));
}

export function toPort(number: number): Port | null {
  return Number.isInteger(number) && number >= 0 && number <= 65_535 ? (number as Port) : null;
}

/** As inet_ntop writes it (RFC 5952): the longest run of zeros is left out, the first of those that are as long. */
function canonical(groups: Uint16Array): Address {
  let [runAt, runLength] = [-1, 1];
  for (let index = 0; index < GROUPS; index++) {
    let end = index;
    while (groups[end] === 0) end++;
    if (end - index > runLength) [runAt, runLength] = [index, end - index];
    index = Math.max(index, end - 1);
  }
  const end = hasIpv4(groups, runAt, runLength) ? IPV4_AT : GROUPS;
  let text = '';
  for (let index = 0; index < end; index++) {
    if (index === runAt) {
      text += index === 0 ? '::' : ':';
      index += runLength - 1;
    } else text += groupAt(groups, index).toString(16) + (index < GROUPS - 1 ? ':' : '');
  }
  if (end === IPV4_AT) text += ipv4Address((groupAt(groups, 6) << GROUP_BITS) | groupAt(groups, 7));
  return text as Address;
}

/** Whether the last two groups are written as an IPv4 address: `::ffff:192.0.2.1`, `::192.0.2.1`. */
function hasIpv4(groups: Uint16Array, runAt: number, runLength: number): boolean {
  return runAt === 0 && (runLength === IPV4_AT || (runLength === IPV4_AT - 1 && groups[5] === GROUP));
}

/** The groups of a valid address, which may have `::` and an IPv4 address in it. */
function groupsOf(ipv6: string): Uint16Array {
  const groups = new Uint16Array(GROUPS);
  let [count, group, gapAt, dots, ipv4, octet] = [0, 0, -1, 0, 0, 0];
  for (let i = 0; i < ipv6.length; i++) {
    const code = ipv6.charCodeAt(i);
    if (code === COLON) {
      const isGap = ipv6.charCodeAt(i + 1) === COLON;
      if (i > 0) groups[count++] = group;
      [group, octet] = [0, 0];
      if (!isGap) continue;
      gapAt = count;
      i++;
    } else if (code === DOT) {
      ipv4 = (ipv4 << 8) | octet;
      dots++;
      octet = 0;
    } else {
      group = (group << 4) | (code <= NINE ? code - ZERO : (code | LOWER_CASE) - LETTER_OFFSET);
      octet = octet * 10 + (code - ZERO);
    }
  }
  if (dots > 0) {
    ipv4 = (ipv4 << 8) | octet;
    groups[count++] = ipv4 >>> GROUP_BITS;
    groups[count++] = ipv4;
  } else if (ipv6.charCodeAt(ipv6.length - 1) !== COLON) groups[count++] = group;
  if (gapAt >= 0) {
    groups.copyWithin(GROUPS - (count - gapAt), gapAt, count);
    groups.fill(0, gapAt, GROUPS - (count - gapAt));
  }
  return groups;
}

function groupAt(groups: Uint16Array, index: number): number {
  return groups[index] as number;
}
