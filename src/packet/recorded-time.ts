/** Tells how far time has passed at each host of a recorded log, which no single wild stamp may decide. */

import { RecentMap } from '../lib/recent-map.ts';
import { type Micros, type Packet, US_PER_SECOND } from '../model.ts';

/** Lines of one host may be out of order by so much. */
const DISORDER_US = 2 * US_PER_SECOND;
/** Hosts whose time is remembered. */
const HOSTS = 4_096;
const NEVER = Number.NEGATIVE_INFINITY;

export interface Played {
  readonly packet: Packet;
  /** Up to when time has passed at its host. */
  readonly passedAt: Micros;
}

interface HostTime {
  readonly lastAt: Micros;
  readonly passedAt: Micros;
}

/** Packets come out one later than they go in: the next one of the same host says whether a time is to be believed. */
export class RecordedTime {
  #held: Packet | null = null;
  readonly #hosts = new RecentMap<string, HostTime>(HOSTS);

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
    if (held === null) return null;
    return this.#play(held, host === held.host && time >= held.time - DISORDER_US);
  }

  /** Hands on the last packet. */
  end(): Played | null {
    const held = this.#held;
    this.#held = null;
    return held === null ? null : this.#play(held, true);
  }

  #play(packet: Packet, isConfirmed: boolean): Played {
    const { host, time } = packet;
    const { lastAt, passedAt: before } = this.#hosts.get(host) ?? { lastAt: NEVER, passedAt: NEVER };
    const passedAt = Math.max(before, isConfirmed ? time : Math.min(lastAt, time));
    this.#hosts.set(host, { lastAt: time, passedAt });
    return { packet, passedAt };
  }
}
