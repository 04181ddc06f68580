/** Text -> Address: the only maker of canonical IPv4 and IPv6 addresses, and of ports. */

import { isIP, SocketAddress } from 'node:net';
import type { Address, AddressNumbers, Family, Port } from './model.ts';

const [DOT, ZERO, COLON] = [0x2e, 0x30, 0x3a];
/** An IPv6 address is eight of them. */
const [GROUP_BITS, GROUP, GROUPS] = [16, 0xffff, 8];

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
  return canonical(text);
}

/** The first address of the network that has this one in it, by its first so many bits. */
export function networkOf(address: Address, length: number): Address {
  const four = ipv4Number(address);
  if (four !== null) return ipv4Address(length === 0 ? 0 : four & (-1 << (32 - length)));
  const groups = groupsOf(address).map((group, index) => {
    const kept = Math.min(Math.max(length - index * GROUP_BITS, 0), GROUP_BITS);
    return group & (GROUP << (GROUP_BITS - kept)) & GROUP;
  });
  return canonical(groups.map((group) => group.toString(16)).join(':'));
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
  const groups = [a, b, c, d].flatMap((word) => [(word >>> GROUP_BITS) & GROUP, word & GROUP]);
  return canonical(groups.map((group) => group.toString(16)).join(':'));
}

export function ipv4Address(number: number): Address {
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}` as Address;
}

/** The port that plain decimal digits name, or null. */
export function parsePort(text: string): Port | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  return toPort(Number(text));
}

export function toPort(number: number): Port | null {
  return Number.isInteger(number) && number >= 0 && number <= 65_535 ? (number as Port) : null;
}

function canonical(ipv6: string): Address {
  return new SocketAddress({ address: ipv6, family: 'ipv6' }).address as Address;
}

function groupsOf(ipv6: Address): number[] {
  const hex = ipv6.replace(/[\d.]+\.\d+$/, (four) => {
    const number = (ipv4Number(four as Address) ?? 0) >>> 0;
    return `${(number >>> GROUP_BITS).toString(16)}:${(number & GROUP).toString(16)}`;
  });
  const [head = [], tail] = hex
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16))));
  if (tail === undefined) return head;
  return [...head, ...Array<number>(GROUPS - head.length - tail.length).fill(0), ...tail];
}
