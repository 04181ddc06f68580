/** Config -> the locks that the engine watches. */

import type { Lock, Packet } from '../model.ts';
import { within } from './networks.ts';
import type { Config, DoorConfig } from './schema.ts';

export function locksOf({ doors, log }: Config): Lock[] {
  return Object.entries(doors).map(([name, door]) => {
    const live = [door.sequence];
    return {
      name,
      seqTimeoutUs: door.seqTimeoutUs,
      tcpflags: door.tcpflags,
      traps: door.trap,
      admits: admission(door, log.interface),
      sequences: () => live,
      // A fixed sequence may be used any number of times.
      used: () => undefined,
    };
  });
}

function admission({ target, from }: DoorConfig, interfaceName: string | null): (packet: Packet) => boolean {
  const isInvited = from === null ? () => true : within(from);
  return (packet) =>
    (interfaceName === null || packet.in === interfaceName) &&
    (target === null || packet.dst === target) &&
    isInvited(packet.src);
}
