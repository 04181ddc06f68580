/** Decisions -> the attempts that run, and those that have run out, as the engine has told of them. */

import type { Address, Decision, Micros, Packet, Sequence } from '../model.ts';

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
/** As many as the engine has attempts: of clients beyond that the oldest is forgotten, and explained more poorly. */
const MOST_CLIENTS = 65_536;

/** A client of a host. */
export type Client = Pick<Packet, 'host' | 'src'>;

interface Known {
  readonly client: Client;
  readonly doors: Map<string, Standing>;
}

export class Attempts {
  readonly #clients = new Map<string, Known>();

  at(client: Client, door: string): Standing {
    return this.#clients.get(keyOf(client))?.doors.get(door) ?? NOTHING;
  }

  *running(): Generator<{
    readonly host: string;
    readonly source: Address;
    readonly door: string;
    readonly attempt: Attempt;
  }> {
    for (const { client, doors } of this.#clients.values()) {
      for (const [door, { attempt }] of doors)
        if (attempt !== null) yield { host: client.host, source: client.src, door, attempt };
    }
  }

  isBusy(client: Client): boolean {
    const standings = this.#clients.get(keyOf(client))?.doors.values() ?? [];
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

  #set(client: Client, door: string, standing: Standing): void {
    const key = keyOf(client);
    const known = this.#clients.get(key) ?? { client, doors: new Map<string, Standing>() };
    known.doors.set(door, standing);
    this.#clients.set(key, known);
    if (this.#clients.size <= MOST_CLIENTS) return;
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined) this.#clients.delete(oldest);
  }
}

/** Neither a host in a log nor an address holds a space. */
function keyOf({ host, src }: Client): string {
  return `${host} ${src}`;
}
