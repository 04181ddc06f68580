/** Says why a whole knock at a door cannot be tried from a scratch network, or must not. */

import type { Config, DoorConfig } from '../../config/schema.ts';
import { familyOf } from '../../lib/address.ts';
import type { Address, Family, Sequence } from '../../model.ts';
import { type ExpiryHeap, isOpenTo, isSent, PASSING } from './trial.ts';

export interface WholeKnock {
  readonly door: string;
  readonly sequence: Sequence;
  readonly from: Address;
  readonly to: Address;
}

/** Why not, and what to do instead. */
export interface Unfit {
  readonly what: string;
  readonly remedy: string;
}

export interface Circumstances {
  readonly family: Family;
  readonly ends: ExpiryHeap;
  /** Whether an address is of this host. */
  readonly isLocal: (address: Address) => boolean;
  /** Whether start commands may run. */
  readonly mayRunCommands: boolean;
}

export function wholeKnock(
  name: string,
  door: DoorConfig,
  config: Pick<Config, 'firewall' | 'interface' | 'ipv6'>,
  { family, ends, isLocal, mayRunCommands }: Circumstances,
): WholeKnock | Unfit {
  const { sequence, open } = door;
  const to = door.target ?? ends.ours;
  if (sequence === null)
    return unfit('its sequences work once each, and a test would use one up', 'test a door with a sequence:');
  if (open === null)
    return unfit('it has no open:, so a test cannot see that it opens', 'knock at it yourself');
  if (hasCommand(door) && !mayRunCommands)
    return unfit('it runs a command when it opens', 'allow that with --commands');
  if (config.firewall.backend === 'dry-run')
    return unfit('firewall.backend is dry-run, so no door opens', 'take that line out');
  if (family === 6 && !config.ipv6)
    return unfit('ipv6: false, so no knock over IPv6 is accepted', 'leave out -6');
  if (config.interface !== null)
    return unfit(`knocks are accepted on ${config.interface} alone`, 'knock from another host');
  if (config.firewall.hooks.every((hook) => PASSING.has(hook)))
    return unfit(
      `it is for hosts behind this one (${config.firewall.hooks.join(', ')})`,
      'knock from another host',
    );
  if (!isOpenTo(door, ends.theirs))
    return unfit(
      `its from: does not admit ${ends.theirs}, the address of the test`,
      'knock from an address that it admits',
    );
  if (to !== ends.ours && (familyOf(to) !== family || !isLocal(to)))
    return unfit(`its target ${to} is no IPv${family} address of this host`, 'knock from another host');
  if (open.to !== null && familyOf(open.to) !== family)
    return unfit(
      `open.to is an IPv${familyOf(open.to)} address`,
      family === 4 ? 'test it with -6' : 'leave out -6',
    );
  if (!sequence.every((step) => isSent(step, door)))
    return unfit('its tcpflags: want more than a SYN', 'knock with a program that sends such packets');
  return { door: name, sequence, from: ends.theirs, to };
}

export function hasCommand({ startCommand, startCommand6 }: DoorConfig): boolean {
  return Boolean(startCommand || startCommand6);
}

function unfit(what: string, remedy: string): Unfit {
  return { what, remedy };
}
