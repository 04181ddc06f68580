/** Tells whether the same packet has just been logged by another rule. */

import { sameOnWire } from '../lib/same-packet.ts';
import { type AddressNumbers, type Micros, type Packet, US_PER_MS } from '../model.ts';
import { hashOf } from './hash.ts';
import { at } from './typed.ts';

/** Two LOG rules write a packet within microseconds; no sender repeats one as fast with the same IP ID. */
const SAME_PACKET_US = 2 * US_PER_MS;
/**
 * Packets that are remembered, in groups by their hash. Above 100,000 packets/s a double may slip through; it then counts as
 * a repeat.
 */
const [GROUPS, WAYS] = [256, 4];

export class DuplicateFilter {
  readonly #recent: (Packet | null)[] = new Array<Packet | null>(GROUPS * WAYS).fill(null);
  readonly #times = new Float64Array(GROUPS * WAYS);
  #next = 0;

  /** Whether this packet is one of those remembered; if not, it is remembered. */
  seen(packet: Packet, client: AddressNumbers, now: Micros): boolean {
    const { spt, dpt, id, len } = packet;
    const hash = hashOf(((spt ?? 0) << 16) | (dpt ?? 0), client.a ^ client.d, (id ?? 0) ^ (len ?? 0));
    const first = (hash & (GROUPS - 1)) * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      if (Math.abs(now - at(this.#times, place)) > SAME_PACKET_US) continue;
      const other = this.#recent[place] ?? null;
      if (other !== null && sameOnWire(packet, other)) return true;
    }
    this.#recent[first + this.#next] = packet;
    this.#times[first + this.#next] = packet.time;
    this.#next = (this.#next + 1) % WAYS;
    return false;
  }
}
