/** Checks that connections outlive the opening that let them in. */

import type { PacketFilter } from '../../firewall/stages.ts';
import type { DoorProbe } from '../setup/probes.ts';
import { ACCEPT_ESTABLISHED, sessionCut } from '../setup/sessions.ts';
import { type Finding, ok, warn } from './finding.ts';

/** Nothing where no door has an opening that ends. */
export function checkSessions(
  { family, iptables }: PacketFilter,
  hooks: readonly string[],
  openings: readonly DoorProbe[],
): Finding[] {
  const check = `sessions, IPv${family}`;
  if (iptables === null || openings.length === 0) return [];
  for (const hook of hooks) {
    const cut = sessionCut(iptables, hook, openings);
    if (cut === null) continue;
    const rule = `${family === 4 ? 'iptables' : 'ip6tables'} -I ${hook} 1 ${ACCEPT_ESTABLISHED.join(' ')}`;
    return [warn(check, `a connection is cut when its door closes: ${cut} drops what is established`, rule)];
  }
  return [ok(check, 'connections go on when their door closes')];
}
