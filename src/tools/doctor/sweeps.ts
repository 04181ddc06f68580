/** Checks that the packet filter of one family logs packets to ports of no door, so that a port sweep is seen. */

import type { Config } from '../../config/schema.ts';
import { weakestOf } from '../../config/swept.ts';
import type { PacketFilter } from '../../firewall/stages.ts';
import type { Line } from '../setup/chains.ts';
import { strayProbes } from '../setup/probes.ts';
import type { Watched } from '../setup/watched.ts';
import { type Finding, ok, skip, warn } from './finding.ts';
import { isLogged } from './log-rules.ts';

/** @param lines what the logs are read for: one of them has to show each packet */
export function checkSweeps(
  filter: PacketFilter,
  config: Pick<Config, 'doors' | 'sweepGuard' | 'firewall'>,
  watched: Watched,
  lines: readonly Line[],
): Finding {
  const check = `sweeps, IPv${watched.family}`;
  const weakest = weakestOf(config.doors);
  const so = weakest === null ? '' : `: ${weakest}`;
  if (config.sweepGuard === 0) return skip(check, `sweep_guard is 0, so no port sweep is stopped${so}`);
  const unseen = strayProbes(watched).find((probe) => !isLogged(filter, config.firewall.hooks, probe, lines));
  if (unseen === undefined) return ok(check, 'packets to ports of no door are logged');
  return warn(
    check,
    `packets to ports of no door are not logged (${unseen.proto}), so no port sweep is stopped${so}`,
    'knocktail rules --apply',
  );
}
