/** Text -> Address: the only maker of canonical IPv4 and IPv6 addresses, and of ports. */

import { isIP, SocketAddress } from 'node:net';
import type { Address, Family, Port } from './model.ts';

const [DOT, ZERO, COLON] = [0x2e, 0x30, 0x3a];

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
  return new SocketAddress({ address: text, family: 'ipv6' }).address as Address;
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
