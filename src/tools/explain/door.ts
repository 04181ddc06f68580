/** Describes the doors of a Config for an explanation, with the reasons for which they ignore a packet. */

import type { Config, DoorConfig } from '../../config/schema.ts';
import { familyOf } from '../../lib/address.ts';
import { isSameHost } from '../../lib/host-name.ts';
import { within } from '../../lib/networks.ts';
import type { Lock, Packet } from '../../model.ts';

/** Null where the door admits the packet. */
export type Refusal = (packet: Packet) => string | null;

export interface ExplainedDoor {
  readonly lock: Lock;
  readonly refusal: Refusal;
}

export function explainedDoors(config: Config, locks: readonly Lock[]): readonly ExplainedDoor[] {
  return locks.flatMap((lock) => {
    const door = config.doors.get(lock.name);
    return door === undefined ? [] : [{ lock, refusal: refusalOf(door, config) }];
  });
}

function refusalOf(
  { target, from, hosts }: DoorConfig,
  { interface: name, ipv6 }: Pick<Config, 'interface' | 'ipv6'>,
): Refusal {
  const isInvited = from === null ? () => true : within(from);
  return (packet) => {
    if (name !== null && packet.in !== name)
      return `it came in at ${packet.in || 'no interface'}, not at ${name}`;
    if (!ipv6 && familyOf(packet.src) === 6) return 'it came over IPv6, and ipv6 is false';
    if (target !== null && packet.dst !== target)
      return `it was for ${packet.dst}, and the target is ${target}`;
    if (hosts !== null && packet.host !== '' && !hosts.some((host) => isSameHost(host, packet.host)))
      return `${packet.host} logged it, and the door accepts ${hosts.join(', ')} (host)`;
    return isInvited(packet.src) ? null : 'its source is in none of the networks in from';
  };
}
