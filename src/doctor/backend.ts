/** What the two backends of iptables hold -> whether ours is the one that this host uses. */

import { type Finding, ok, skip, warn } from './finding.ts';

const CHECK = 'backend';

export interface Backends {
  /** Which of them `firewall.iptables` comes to. */
  readonly ours: 'nft' | 'legacy';
  /** Rules in INPUT and FORWARD, less those of knocktail; null where that backend is not there. */
  readonly nft: number | null;
  readonly legacy: number | null;
}

/** A packet passes both, so that a rule of one cannot save it from the other. */
export function checkBackend({ ours, nft, legacy }: Backends): Finding {
  if (nft === null || legacy === null) return ok(CHECK, `${ours}, the only one in use`);
  const [mine, other] = ours === 'nft' ? [nft, legacy] : [legacy, nft];
  const name = ours === 'nft' ? 'legacy' : 'nft';
  if (other === 0) return ok(CHECK, `${ours}, the only one with rules`);
  if (mine === 0) {
    return warn(
      CHECK,
      `the rules of this host are in iptables-${name}, and openings go to iptables-${ours}`,
      `write firewall: { iptables: ${name} }`,
    );
  }
  return warn(
    CHECK,
    'both iptables-nft and iptables-legacy have rules, and a packet has to pass both',
    'move all rules to one of them',
  );
}

export function backendUnknown(why: string): Finding {
  return skip(CHECK, why);
}
