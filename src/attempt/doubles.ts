/** Packets -> whether the same packet has just been logged by another rule. */

import { type Micros, type Packet, US_PER_MS } from '../model.ts';
import { sameOnWire } from '../wire.ts';

/** Two LOG rules write a packet within microseconds; no sender repeats one as fast with the same IP ID. */
const SAME_PACKET_US = 2 * US_PER_MS;
/** Above 100,000 packets/s a double may slip through; it then counts as a repeat. */
const REMEMBERED = 256;

export class Doubles {
  readonly #recent: Packet[] = [];

  /** Whether this packet is one of those remembered; if not, it is remembered. */
  seen(packet: Packet, now: Micros): boolean {
    let old = 0;
    for (const other of this.#recent) {
      if (Math.abs(now - other.time) > SAME_PACKET_US) old++;
      else if (sameOnWire(packet, other)) return true;
    }
    if (old > 0) this.#recent.splice(0, old);
    if (this.#recent.length === REMEMBERED) this.#recent.shift();
    this.#recent.push(packet);
    return false;
  }
}
