/** Parses an address that a person types or pastes. */

import { InvalidArgumentError } from 'commander';
import { parseAddress } from '../lib/address.ts';
import type { Address } from '../model.ts';

/** What programs that listen to both families at once call an IPv4 address (RFC 4291, 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

export function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new InvalidArgumentError('Not an IPv4 or IPv6 address.');
  const [, four = address] = MAPPED.exec(address) ?? [];
  return parseAddress(four) ?? address;
}
