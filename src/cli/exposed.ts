/** Finds the ports of doors that everyone reaches on this host, for a command that only mentions it. */

import type { Config } from '../config/schema.ts';
import { KnocktailError } from '../errors.ts';
import { settleBinaries } from '../firewall/backend.ts';
import { readFilter, readNftHere } from '../tools/doctor/filters.ts';
import { hasIpv6, outsideOf } from '../tools/doctor/host.ts';
import { type OpenPort, openPorts } from '../tools/doctor/shut.ts';
import { strangerProbes } from '../tools/setup/probes.ts';

/** Nothing where that cannot be told, as where the rules may not be read. */
export async function exposedHere(config: Config): Promise<readonly OpenPort[]> {
  const { iptables, chain, hooks } = config.firewall;
  const found: OpenPort[] = [];
  try {
    const programs = await settleBinaries(iptables, process.env['PATH'] ?? '', chain);
    const nft = await readNftHere();
    for (const family of [4, 6] as const) {
      if (family === 6 && !hasIpv6()) continue;
      const read = await readFilter(family, programs, [...hooks, chain], nft);
      if (read.filter.iptables === null && nft === null) continue;
      const strangers = strangerProbes(config, family, outsideOf(family));
      found.push(...openPorts(read.filter, config.firewall, strangers, read.iptables?.name ?? ''));
    }
  } catch (error) {
    if (!(error instanceof KnocktailError)) throw error;
  }
  return found;
}
