/** Openings for tests: by hand, and any. */

import fc from 'fast-check';
import { parseAddress, toPort } from '../src/lib/address.ts';
import type { Address, Firewall, Opening, Port } from '../src/model.ts';

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`no address: ${text}`);
  return parsed;
}

export function port(number: number): Port {
  const checked = toPort(number);
  if (checked === null) throw new Error(`no port: ${number}`);
  return checked;
}

export function opening(parts: Partial<Opening> = {}): Opening {
  return {
    door: 'ssh',
    source: address('10.0.0.7'),
    proto: 'tcp',
    port: port(22),
    to: null,
    until: 1_795_212_345,
    ...parts,
  };
}

/** Inserts one opening, and throws what the firewall has against it. */
export async function insertOne(firewall: Firewall, one: Opening): Promise<void> {
  const refused = (await firewall.insert([one])).get(one);
  if (refused !== undefined) throw refused.error;
}

/** Removes one opening, and throws what the firewall has against it. Resolves to whether it was there. */
export async function removeOne(firewall: Firewall, one: Opening): Promise<boolean> {
  const left = await firewall.remove([one]);
  const error = left.get(one) ?? null;
  if (error !== null) throw error;
  return !left.has(one);
}

export const anyAddress: fc.Arbitrary<Address> = fc.oneof(fc.ipV4(), fc.ipV6()).map(address);
export const anyPort: fc.Arbitrary<Port> = fc.integer({ min: 0, max: 65_535 }).map(port);
export const anyProto = fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp');
export const anyDoor = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);

export const anyOpening: fc.Arbitrary<Opening> = fc.record({
  door: anyDoor,
  source: anyAddress,
  proto: anyProto,
  port: anyPort,
  to: fc.oneof(fc.constant(null), anyAddress),
  until: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 2 ** 33 })),
});
