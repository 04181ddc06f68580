/** Finds the doors of a configuration whose knocks this host does not log. */

import { hostname } from 'node:os';
import type { Config } from '../config/schema.ts';
import { settleBinaries } from '../firewall/backend.ts';
import type { PacketFilter } from '../firewall/stages.ts';
import { isSameHost } from '../lib/host-name.ts';
import type { Family } from '../model.ts';
import { type Programs, readFilter, readNftHere } from '../tools/doctor/filters.ts';
import { hasIpv6 } from '../tools/doctor/host.ts';
import { type DeafDoor, deafDoors, deafness } from '../tools/doctor/log-rules.ts';
import { sequencesBy } from './watched-by.ts';

/** As a person is to read it. */
export interface Deafness {
  readonly door: string;
  readonly text: string;
  readonly remedy: string;
}

type Found = DeafDoor & { readonly families: readonly Family[] };

/**
 * Nothing where that cannot be told, or does not matter: in a dry run, where the rules may not be read, or where another
 * host writes the logs.
 *
 * @param programs those of `firewall.iptables`
 */
export async function deafDoorsHere(
  config: Config,
  programs: (config: Config) => Promise<Programs>,
): Promise<readonly Deafness[]> {
  if (config.firewall.backend === 'dry-run' || !isLoggedHere(config)) return [];
  const sequencesOf = await sequencesBy(config);
  const found: Found[] = [];
  for (const family of [4, 6] as const) {
    if (family === 6 && (!config.ipv6 || !hasIpv6())) continue;
    const filter = await filterOf(family, config, await programs(config));
    if (filter.iptables === null && filter.nft === null) continue;
    const deaf = deafDoors(filter, config, sequencesOf);
    // Rules of nft may log them all the same. They are asked only then, as that costs more.
    const needsNft = deaf.length > 0 && filter.nft === null;
    const left = needsNft ? deafDoors({ ...filter, nft: await readNftHere() }, config, sequencesOf) : deaf;
    found.push(...left.map((each) => ({ ...each, families: [family] })));
  }
  return merged(found).map((each) => ({
    door: each.door,
    text: deafness(each, each.families),
    remedy: each.remedy,
  }));
}

/** The programs of a configuration, which are looked for again when it names others. */
export function programsOf(): (config: Config) => Promise<Programs> {
  let known: { readonly key: string; readonly found: Promise<Programs> } | null = null;
  return ({ firewall: { iptables, chain } }) => {
    const key = `${iptables} ${chain}`;
    if (known?.key !== key)
      known = { key, found: settleBinaries(iptables, process.env['PATH'] ?? '', chain) };
    const { found } = known;
    found.catch(() => {
      known = null;
    });
    return found;
  };
}

async function filterOf(family: Family, { firewall }: Config, programs: Programs): Promise<PacketFilter> {
  const { filter } = await readFilter(family, programs, [...firewall.hooks, firewall.chain], null);
  return filter.iptables === null ? { ...filter, nft: await readNftHere() } : filter;
}

/** Whether knocks are logged by the kernel of this host. A file may hold the lines of others, as a door that opens nothing here hints at. */
function isLoggedHere({ logs, doors }: Config): boolean {
  const own = logs.filter(
    ({ hosts }) => hosts === null || hosts.some((host) => isSameHost(host, hostname())),
  );
  const opensHere = [...doors.values()].some(({ open }) => open !== null);
  return own.some(({ from }) => (from === 'file' || from === 'stdin' ? opensHere : true));
}

/** One of both families where a door is deaf in the same way. */
function merged(found: readonly Found[]): readonly Found[] {
  const all = new Map<string, Found>();
  for (const each of found) {
    const key = `${each.door} ${each.probe.proto} ${each.probe.port} ${each.why}`;
    const families = [...(all.get(key)?.families ?? []), ...each.families];
    all.set(key, { ...each, families });
  }
  return [...all.values()];
}
