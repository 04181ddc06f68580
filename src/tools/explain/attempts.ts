/** Tracks running and expired attempts by the decisions of the engine. */

import type { Address, Decision, Micros, Packet, Sequence } from '../../model.ts';

export interface Attempt {
  readonly sequence: Sequence;
  readonly stage: number;
  /** When the first of its steps came that the engine told of. */
  readonly begunAt: Micros;
}

/** An attempt that time has ended. */
export interface Expired {
  readonly sequence: Sequence;
  readonly stage: number;
  readonly at: Micros;
}

/** What is known of a client at a door. */
interface Standing {
  readonly attempt: Attempt | null;
  readonly expired: Expired | null;
}

const NOTHING: Standing = { attempt: null, expired: null };
/** Of clients beyond that one is forgotten, and explained more poorly: the oldest of those with one step at most. */
const MOST_CLIENTS = 4_000;

/** A client of a host. */
export type Client = Pick<Packet, 'host' | 'src'>;

interface Known {
  readonly client: Client;
  readonly doors: Map<string, Standing>;
}

export class Attempts {
  /** Those of one step at most, and those that have got further. */
  readonly #little = new Map<string, Known>();
  readonly #further = new Map<string, Known>();
  readonly #oldestLittle = this.#little.keys();
  readonly #oldestFurther = this.#further.keys();

  at(client: Client, door: string): Standing {
    return this.#known(keyOf(client))?.doors.get(door) ?? NOTHING;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#little.size + this.#further.size;
  }

  *running(): Generator<{
    readonly host: string;
    readonly source: Address;
    readonly door: string;
    readonly attempt: Attempt;
  }> {
    for (const { client, doors } of [...this.#little.values(), ...this.#further.values()]) {
      for (const [door, { attempt }] of doors)
        if (attempt !== null) yield { host: client.host, source: client.src, door, attempt };
    }
  }

  isBusy(client: Client): boolean {
    const standings = this.#known(keyOf(client))?.doors.values() ?? [];
    return [...standings].some(({ attempt }) => attempt !== null);
  }

  /** @param sequence the one that the decision is about */
  note({ event, host, source, door, stage, time }: Decision, sequence: Sequence): void {
    const client = { host, src: source };
    const begunAt = stage === 1 ? time : (this.at(client, door).attempt?.begunAt ?? time);
    if (event === 'stage') this.#set(client, door, { attempt: { sequence, stage, begunAt }, expired: null });
    else if (event === 'timeout')
      this.#set(client, door, { attempt: null, expired: { sequence, stage, at: time } });
    else this.#set(client, door, NOTHING);
  }

  #known(key: string): Known | undefined {
    return this.#further.get(key) ?? this.#little.get(key);
  }

  #set(client: Client, door: string, standing: Standing): void {
    const key = keyOf(client);
    const known = this.#known(key) ?? { client, doors: new Map<string, Standing>() };
    if (standing === NOTHING) known.doors.delete(door);
    else known.doors.set(door, standing);
    this.#little.delete(key);
    this.#further.delete(key);
    if (known.doors.size === 0) return;
    const standings = [...known.doors.values()];
    const isFurther = standings.some(({ attempt, expired }) => (attempt ?? expired)?.stage !== 1);
    (isFurther ? this.#further : this.#little).set(key, known);
    if (this.size <= MOST_CLIENTS) return;
    // Iterators that stay where they are do not pass over all that were taken out before.
    const { value: oldest } = (this.#little.size > 0 ? this.#oldestLittle : this.#oldestFurther).next();
    if (oldest === undefined) return;
    this.#little.delete(oldest);
    this.#further.delete(oldest);
  }
}

/** Neither a host in a log nor an address holds a space. */
function keyOf({ host, src }: Client): string {
  return `${host} ${src}`;
}
