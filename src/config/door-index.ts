/** Finds the doors that share a key and clients with a given door, without a look at all the others. */

import { familyOf, networkOf } from '../lib/address.ts';
import type { Network } from '../lib/networks.ts';
import type { Address } from '../model.ts';
import { familiesOf } from './reach.ts';
import type { Config, DoorConfig } from './schema.ts';

/** A door as its configuration has it. */
export interface NamedDoor {
  readonly name: string;
  readonly door: DoorConfig;
  /** Its place in the configuration. */
  readonly order: number;
}

export function namedDoors({ doors }: Pick<Config, 'doors'>): readonly NamedDoor[] {
  return [...doors].map(([name, door], order) => ({ name, door, order }));
}

/** Doors under one key whose knocks are for one target, and come over the same address families. */
interface Bucket {
  readonly target: Address | null;
  readonly families: string;
  /** Those that hear everybody. */
  readonly open: NamedDoor[];
  /** Those that hear just this network. */
  readonly exact: Map<string, NamedDoor[]>;
  /** Those that hear this network, or one inside it. */
  readonly inside: Map<string, NamedDoor[]>;
}

/** A network, and all around it whose lengths occur in the configuration. */
interface LogPosition {
  readonly exact: string;
  readonly around: readonly string[];
}

/**
 * What a query costs goes by what it finds. It finds just the doors for which `shareClients` holds, and where asked for
 * packets, those that share their target as well.
 */
export class DoorIndex {
  readonly #settings: Pick<Config, 'ipv6'>;
  readonly #lengths: Readonly<Record<4 | 6, readonly number[]>>;
  readonly #buckets = new Map<string, Map<string, Bucket>>();
  readonly #places = new Map<Network, LogPosition>();

  constructor({ doors, ipv6 }: Pick<Config, 'doors' | 'ipv6'>) {
    this.#settings = { ipv6 };
    const lengths = { 4: new Set<number>(), 6: new Set<number>() };
    for (const { from } of doors.values())
      for (const { address, length } of from ?? []) lengths[familyOf(address)].add(length);
    this.#lengths = { 4: [...lengths[4]], 6: [...lengths[6]] };
  }

  add(key: string, one: NamedDoor): void {
    const bucket = this.#bucket(key, one.door);
    const { from } = one.door;
    if (from === null) bucket.open.push(one);
    for (const network of from ?? []) {
      const { exact, around } = this.#place(network);
      push(bucket.exact, exact, one);
      for (const each of around) push(bucket.inside, each, one);
    }
  }

  /** The doors under this key at which a client of the given door can knock, too. */
  *sharingClients(key: string, { door }: Pick<NamedDoor, 'door'>): Generator<NamedDoor> {
    yield* this.#sharing(key, door, () => true);
  }

  /** Of those, the doors that can see the same packet, as far as its target goes. */
  *sharingPackets(key: string, { door }: Pick<NamedDoor, 'door'>): Generator<NamedDoor> {
    const { target } = door;
    yield* this.#sharing(key, door, (other) => target === null || other === null || target === other);
  }

  *#sharing(
    key: string,
    door: DoorConfig,
    fitsTarget: (target: Address | null) => boolean,
  ): Generator<NamedDoor> {
    const families = familiesOf(door, this.#settings);
    const seen = new Set<NamedDoor>();
    for (const bucket of this.#buckets.get(key)?.values() ?? []) {
      if (!fitsTarget(bucket.target) || !families.some((family) => bucket.families.includes(String(family))))
        continue;
      for (const one of this.#heardBy(bucket, door.from)) {
        if (seen.has(one)) continue;
        seen.add(one);
        yield one;
      }
    }
  }

  *#heardBy(bucket: Bucket, from: DoorConfig['from']): Generator<NamedDoor> {
    yield* bucket.open;
    if (from === null) {
      for (const doors of bucket.exact.values()) yield* doors;
      return;
    }
    for (const network of from) {
      const { exact, around } = this.#place(network);
      yield* bucket.inside.get(exact) ?? [];
      for (const each of around) if (each !== exact) yield* bucket.exact.get(each) ?? [];
    }
  }

  #bucket(key: string, door: DoorConfig): Bucket {
    const families = familiesOf(door, this.#settings).join('');
    const { target } = door;
    const buckets = this.#buckets.get(key) ?? new Map<string, Bucket>();
    this.#buckets.set(key, buckets);
    const name = `${target ?? ''} ${families}`;
    const bucket = buckets.get(name) ?? {
      target,
      families,
      open: [],
      exact: new Map<string, NamedDoor[]>(),
      inside: new Map<string, NamedDoor[]>(),
    };
    buckets.set(name, bucket);
    return bucket;
  }

  #place(network: Network): LogPosition {
    const known = this.#places.get(network);
    if (known !== undefined) return known;
    const { address, length } = network;
    const around = this.#lengths[familyOf(address)]
      .filter((each) => each <= length)
      .map((each) => `${networkOf(address, each)}/${each}`);
    const place = { exact: `${address}/${length}`, around };
    this.#places.set(network, place);
    return place;
  }
}

function push(map: Map<string, NamedDoor[]>, key: string, one: NamedDoor): void {
  const others = map.get(key);
  if (others === undefined) map.set(key, [one]);
  else others.push(one);
}
