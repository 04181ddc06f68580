/** Numbers the hosts that log packets, so that a client of one host is never taken for one of another. */

import { isSameHost } from '../lib/host-name.ts';
import { RecentMap } from '../lib/recent-map.ts';

/** This machine, and lines that name no host. */
export const OWN_HOST = 0;
/** Hosts that are known at once; a name that is forgotten gets a new number when it comes again. */
const HOSTS = 4_096;

export class HostNumbers {
  readonly #ownName: string | null;
  readonly #numbers = new RecentMap<string, number>(HOSTS);
  #next = OWN_HOST + 1;
  #lastHost = '';
  #lastNumber = OWN_HOST;

  /** @param ownName what this machine calls itself; null where no name is its own */
  constructor(ownName: string | null) {
    this.#ownName = ownName;
  }

  of(host: string): number {
    if (host === this.#lastHost) return this.#lastNumber;
    const known = this.#numbers.get(host);
    const number = known ?? this.#newNumber(host);
    if (known === undefined) this.#numbers.set(host, number);
    this.#lastHost = host;
    this.#lastNumber = number;
    return number;
  }

  #newNumber(host: string): number {
    if (host === '' || (this.#ownName !== null && isSameHost(host, this.#ownName))) return OWN_HOST;
    // Beyond 2^31 numbers a key would be taken for another's; that many names take years to send.
    this.#next = (this.#next + 1) | 0;
    return this.#next;
  }
}
