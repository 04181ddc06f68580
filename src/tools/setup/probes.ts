/** Makes sample packets of a configuration: its knocks, and what its doors let in. */

import type { Config } from '../../config/schema.ts';
import type { Stranger } from '../../firewall/exposure.ts';
import type { Probe } from '../../firewall/packet-match.ts';
import { familyOf } from '../../lib/address.ts';
import { parseNetwork } from '../../lib/networks.ts';
import { type Address, type Family, TCP_FLAGS } from '../../model.ts';
import { echoLength, type View, type Watched } from './watched.ts';

/** A packet to the port that a door opens. */
export interface DoorProbe extends Probe {
  readonly door: string;
}

/** The same from someone who has not knocked. */
export interface StrangerProbe extends DoorProbe, Stranger {}

/** Where strangers come in. */
export interface Outside {
  /** All such interfaces, as far as that can be told. */
  readonly known: readonly string[];
  /** By each of these they do. */
  readonly sure: readonly string[];
}

/** One for each step and trap, by each view of some door. */
export function knockProbes(watched: Watched): readonly Probe[] {
  const { views, tcp, udp, echoes, family } = watched;
  return views.flatMap((view) => {
    const any = viewed(view, watched);
    return [
      ...tcp.map((port): Probe => ({ ...any, proto: 'tcp', port })),
      ...udp.map((port): Probe => ({ ...any, proto: 'udp', port })),
      ...echoes.map(
        (size): Probe => ({ ...any, proto: 'icmp', length: size === null ? null : echoLength(size, family) }),
      ),
    ];
  });
}

/** Packets to ports of no door: one for each protocol by each view of some door. */
export function strayProbes(watched: Watched): readonly Probe[] {
  const protos = (['tcp', 'udp'] as const).filter((proto) => watched[proto].length > 0);
  return watched.views.flatMap((view) =>
    protos.map((proto): Probe => ({ ...viewed(view, watched), proto, port: null })),
  );
}

/**
 * One for each door with `open:` that a client of this family can knock at.
 *
 * @param interfaces where such clients come in, as far as that is known
 */
export function openingProbes(
  { doors, interface: name, ipv6 }: Pick<Config, 'doors' | 'interface' | 'ipv6'>,
  family: Family,
  interfaces: readonly string[] = [],
): readonly DoorProbe[] {
  if (family === 6 && !ipv6) return [];
  return [...doors].flatMap(([door, { open, from, target }]): DoorProbe[] => {
    const to = open?.to ?? target;
    const own = from?.filter(({ address }) => familyOf(address) === family) ?? null;
    if (open === null || own?.length === 0 || (to !== null && familyOf(to) !== family)) return [];
    return [
      {
        ...{ door, family, proto: open.proto, port: open.port, flags: TCP_FLAGS.SYN, length: null },
        ...{
          from: own?.[0]?.address ?? null,
          to: open.to,
          interface: name ?? (interfaces.length > 0 ? interfaces : null),
        },
      },
    ];
  });
}

/**
 * One for each door with `open:`, from a client that has not knocked. It may be any client, and its family counts even where
 * the door accepts no knocks over it.
 */
export function strangerProbes(
  { doors, interface: name }: Pick<Config, 'doors' | 'interface'>,
  family: Family,
  { known, sure }: Outside,
): readonly StrangerProbe[] {
  return [...doors].flatMap(([door, { open }]): StrangerProbe[] => {
    if (open === null || (open.to !== null && familyOf(open.to) !== family)) return [];
    return [
      {
        ...{ door, family, proto: open.proto, port: open.port, flags: TCP_FLAGS.SYN, length: null },
        ...{ from: 'stranger', to: open.to, interface: name ?? (known.length > 0 ? known : null) },
        outside: name === null ? sure : [],
      },
    ];
  });
}

/** As a rule's `-p` and `--dport` have it: `22/tcp`. */
export function portOf({ proto, port }: Probe): string {
  return port === null ? proto : `${port}/${proto}`;
}

function viewed({ from, to, flags }: View, { family, interface: name }: Watched): Omit<Probe, 'proto'> {
  const source: Address | null = from === null ? null : (parseNetwork(from)?.address ?? null);
  const set = flags === null || flags.set === 0 ? TCP_FLAGS.SYN : flags.set;
  return { family, port: null, flags: set, length: null, from: source, to, interface: name };
}
