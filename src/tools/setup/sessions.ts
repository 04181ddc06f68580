/** Finds the rule that would cut a connection when the door that let it in closes. */

import type { Probe } from '../../firewall/packet-match.ts';
import { type Chains, walk } from '../../firewall/walk.ts';
import { TCP_FLAGS } from '../../model.ts';

export const ACCEPT_ESTABLISHED = ['-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT'];

/** A later packet of the connection that this one begins. */
export function establishedProbe(opening: Probe): Probe {
  return { ...opening, state: 'ESTABLISHED', flags: TCP_FLAGS.ACK };
}

/** The rule, or the policy, that drops the packets of an established connection; null where they are let through. */
export function sessionCut(chains: Chains, hook: string, openings: readonly Probe[]): string | null {
  for (const opening of openings) {
    const { verdict, rule } = walk(chains, hook, establishedProbe(opening)).end;
    if (verdict === 'drop') return rule?.text ?? `-P ${hook} DROP`;
  }
  return null;
}

/** What is said of it. */
export function sessionAdvice(hook: string, cut: string): string {
  return (
    `nothing in ${hook} accepts established connections before ${cut}, so one is cut when its door closes; ` +
    `to keep them: -I ${hook} 1 ${ACCEPT_ESTABLISHED.join(' ')}`
  );
}
