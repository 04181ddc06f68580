/** Derives from a Config the locks that the engine watches. */

import { familyOf } from '../lib/address.ts';
import { isSameHost } from '../lib/host-name.ts';
import { within } from '../lib/networks.ts';
import type { Lock, Packet } from '../model.ts';
import type { OneTimeDoors } from './one-time-doors.ts';
import type { Config, DoorConfig } from './schema.ts';

/** @param oneTime filled for this configuration */
export function locksOf({ doors, ...settings }: Config, oneTime: Pick<OneTimeDoors, 'listOf'>): Lock[] {
  return [...doors].map(([name, door]) => {
    const live = door.sequence === null ? [] : [door.sequence];
    const list = oneTime.listOf(door);
    return {
      name,
      seqTimeoutUs: door.seqTimeoutUs,
      tcpflags: door.tcpflags,
      traps: door.trap,
      admits: admission(door, settings),
      isFixed: list === null,
      sequences: () => list?.live ?? live,
      // A fixed sequence may be used any number of times.
      used: (sequence) => list?.use(sequence),
    };
  });
}

/** New locks, with the old ones in the place of those whose doors are the same. */
export function keepSame(
  made: readonly Lock[],
  old: readonly Lock[],
  before: Config,
  after: Config,
): readonly Lock[] {
  const oldByName = new Map(old.map((lock) => [lock.name, lock]));
  return made.map((lock) => {
    const { name } = lock;
    const isSame = JSON.stringify(before.doors.get(name)) === JSON.stringify(after.doors.get(name));
    return (isSame ? oldByName.get(name) : undefined) ?? lock;
  });
}

function admission(
  { target, from, hosts }: DoorConfig,
  { interface: name, ipv6 }: Pick<Config, 'interface' | 'ipv6'>,
): (packet: Packet) => boolean {
  const isInvited = from === null ? () => true : within(from);
  return (packet) =>
    (name === null || packet.in === name) &&
    (ipv6 || familyOf(packet.src) === 4) &&
    (target === null || packet.dst === target) &&
    isInvited(packet.src) &&
    (hosts === null || packet.host === '' || hosts.some((host) => isSameHost(host, packet.host)));
}
