/** Tells how far time has passed in a recorded log, which no single wild stamp may decide. */

import { type Micros, type Packet, US_PER_SECOND } from '../model.ts';

/** Lines of one host may be out of order by so much. */
const DISORDER_US = 2 * US_PER_SECOND;
/** Hosts whose last packet is remembered. */
const HOSTS = 4_096;

export interface Played {
  readonly packet: Packet;
  /** The moment of the log at which it comes. Hosts whose clocks differ share it. */
  readonly now: Micros;
}

/** Packets come out one later than they go in: the next one says whether a time is to be believed. */
export class RecordedTime {
  #held: Packet | null = null;
  #now = Number.NEGATIVE_INFINITY;
  readonly #lastOf = new Map<string, Micros>();

  /** Takes a packet, and hands on the one before it. */
  next(packet: Packet): Played | null {
    const played = this.before(packet.host, packet.time);
    this.#held = packet;
    return played;
  }

  /** Hands on the packet that is held, if any, as a line of this host and time comes next. */
  before(host: string, time: Micros): Played | null {
    const held = this.#held;
    this.#held = null;
    return held === null ? null : this.#play(held, host === held.host ? time : null);
  }

  /** Hands on the last packet. */
  end(): Played | null {
    const held = this.#held;
    this.#held = null;
    return held === null ? null : this.#play(held, held.time);
  }

  /** @param nextAt the time of the next packet, where that is of the same host */
  #play(packet: Packet, nextAt: Micros | null): Played {
    const { host, time } = packet;
    const before = this.#lastOf.get(host) ?? Number.NEGATIVE_INFINITY;
    const isBelieved = nextAt !== null && nextAt >= time - DISORDER_US;
    this.#now = Math.max(this.#now, isBelieved ? time : Math.min(before, time));
    this.#lastOf.delete(host);
    this.#lastOf.set(host, time);
    if (this.#lastOf.size > HOSTS) {
      const [oldest] = this.#lastOf.keys();
      if (oldest !== undefined) this.#lastOf.delete(oldest);
    }
    return { packet, now: this.#now === Number.NEGATIVE_INFINITY ? time : this.#now };
  }
}
