/** Makes the firewall that a configuration names. */

import type { Config } from '../config/schema.ts';
import { IptablesFirewall } from '../firewall/chain.ts';
import { DryRunFirewall } from '../firewall/dry-run.ts';
import type { Firewall } from '../model.ts';
import { outsideInterfaces } from '../tools/doctor/host.ts';
import { openingProbes } from '../tools/setup/probes.ts';

/**
 * @param tell hears what a dry run would do
 * @param current the configuration whose doors it has to serve, when it is asked to see to its chain
 */
export function firewallOf(
  config: Config,
  tell: (text: string) => void,
  current: () => Config = () => config,
): Firewall {
  const { firewall } = config;
  if (firewall.backend === 'dry-run') return new DryRunFirewall(firewall, tell);
  return new IptablesFirewall({
    ...firewall,
    openings: (family) => openingProbes(current(), family, outsideInterfaces(family)),
  });
}
