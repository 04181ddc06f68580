/** Config -> the firewall that it names. */

import type { Config } from '../config/schema.ts';
import type { Firewall } from '../model.ts';
import { IptablesFirewall } from '../rule/chain.ts';
import { DryRunFirewall } from '../rule/dry-run.ts';

/** @param tell hears what a dry run would do */
export function firewallOf({ firewall }: Config, tell: (text: string) => void): Firewall {
  return firewall.backend === 'dry-run' ? new DryRunFirewall(firewall, tell) : new IptablesFirewall(firewall);
}
