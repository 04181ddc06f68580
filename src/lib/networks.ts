/** Parses networks in CIDR notation and tests whether addresses are in them. */

import { BlockList, isIP } from 'node:net';
import type { Address } from '../model.ts';
import { familyOf, networkOf, parseAddress } from './address.ts';

export const NETWORK_PATTERN = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/;

export interface Network {
  /** Its first: iptables and nft name it by that, whichever of its addresses was written. */
  readonly address: Address;
  /** Bits that count. */
  readonly length: number;
}

/** An address, or a network in CIDR notation; null when the text is neither. */
export function parseNetwork(text: string): Network | null {
  const [, host = '', digits] = NETWORK_PATTERN.exec(text.trim()) ?? [];
  const address = parseAddress(host);
  if (address === null) return null;
  const bits = isIP(address) === 4 ? 32 : 128;
  const length = digits === undefined ? bits : Number(digits);
  return length <= bits ? { address: networkOf(address, length), length } : null;
}

/** Whether an address lies in one of these networks. */
export function within(networks: readonly Network[]): (address: Address) => boolean {
  const list = new BlockList();
  for (const { address, length } of networks) list.addSubnet(address, length, kindOf(address));
  return (address) => list.check(address, kindOf(address));
}

function kindOf(address: Address): 'ipv4' | 'ipv6' {
  return familyOf(address) === 4 ? 'ipv4' : 'ipv6';
}
