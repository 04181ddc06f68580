/** Checks that the configured iptables backend is the one that this host uses. */

import { type Backend, BOTH, type Held, unreadable } from '../../firewall/backend.ts';
import { type Finding, ok, skip, warn } from './finding.ts';

const CHECK = 'backend';

export interface Backends {
  /** Which of them `firewall.iptables` comes to. */
  readonly ours: Backend;
  readonly nft: Held;
  readonly legacy: Held;
}

/** A packet passes both, so that a rule of one cannot save it from the other. */
export function checkBackend({ ours, nft, legacy }: Backends): Finding {
  const [mine, other] = ours === 'nft' ? [nft, legacy] : [legacy, nft];
  const name = ours === 'nft' ? 'legacy' : 'nft';
  if (mine === 'unreadable') return skip(CHECK, `iptables-${ours} may not be looked into`);
  if (other === 'unknown') return skip(CHECK, `${ours}; root alone may ask whether ${name} has rules, too`);
  if (other === 'absent') return ok(CHECK, `${ours}, the only one in use`);
  if (other === 'unreadable')
    return warn(CHECK, unreadable(name), 'run as root, or give the service the capability');
  if (other === 0) return ok(CHECK, `${ours}, the only one with rules`);
  if (mine === 0) {
    return warn(
      CHECK,
      `the rules of this host are in iptables-${name}, and openings go to iptables-${ours}`,
      `write firewall: { iptables: ${name} }`,
    );
  }
  return warn(CHECK, BOTH, 'move all rules to one of them');
}

export function backendUnknown(why: string): Finding {
  return skip(CHECK, why);
}
