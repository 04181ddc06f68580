/** Wraps a firewall and counts what it was asked for and what became of it. */

import type { Firewall } from '../model.ts';
import type { Asked, FirewallCounts } from '../telemetry/counts.ts';

export class FirewallTally {
  readonly #counts: Record<keyof FirewallCounts, { done: number; failed: number }> = {
    ensure: { done: 0, failed: 0 },
    list: { done: 0, failed: 0 },
    insert: { done: 0, failed: 0 },
    remove: { done: 0, failed: 0 },
  };

  get counts(): FirewallCounts {
    return this.#counts;
  }

  /** A rule that was to be removed and did not stand is no failure. */
  watch(firewall: Firewall): Firewall {
    return {
      get isDry() {
        return firewall.isDry;
      },
      get hasTime() {
        return firewall.hasTime;
      },
      ensure: () => this.#whole('ensure', firewall.ensure()),
      intact: () => firewall.intact(),
      list: () => this.#whole('list', firewall.list()),
      has: (opening) => this.#whole('list', firewall.has(opening)),
      insert: async (openings) => {
        const refused = await firewall.insert(openings);
        this.#add('insert', { done: openings.length - refused.size, failed: refused.size });
        return refused;
      },
      prepareRemoval: () => firewall.prepareRemoval(),
      remove: async (openings) => {
        const left = await firewall.remove(openings);
        const failed = [...left.values()].filter((error) => error !== null).length;
        this.#add('remove', { done: openings.length - failed, failed });
        return left;
      },
      close: () => firewall.close(),
    };
  }

  async #whole<T>(operation: 'ensure' | 'list', answer: Promise<T>): Promise<T> {
    try {
      const got = await answer;
      this.#add(operation, { done: 1, failed: 0 });
      return got;
    } catch (error) {
      this.#add(operation, { done: 0, failed: 1 });
      throw error;
    }
  }

  #add(operation: keyof FirewallCounts, { done, failed }: Asked): void {
    this.#counts[operation].done += done;
    this.#counts[operation].failed += failed;
  }
}
