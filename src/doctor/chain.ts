/** The packet filter of one family -> whether openings can be put where packets come by. */

import type { Family } from '../model.ts';
import { planHook } from '../rule/hook.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import type { Table } from './packet-path.ts';

interface Settings {
  readonly chain: string;
  readonly hooks: readonly string[];
  readonly manage: boolean;
}

export function checkChain(table: Table, family: Family, { chain, hooks, manage }: Settings): Finding {
  const check = `${chain}, IPv${family}`;
  // The daemon itself would mend it; where it may not, somebody has to.
  const tell = (detail: string): Finding =>
    manage
      ? warn(check, `${detail}, the daemon will see to it at its start`, 'knocktail run')
      : fail(check, detail, 'knocktail rules --apply');
  const missing = hooks.find((hook) => !table.has(hook));
  // Docker has long made its chain for IPv4 alone.
  if (missing !== undefined && family === 4)
    return fail(check, `there is no chain ${missing}`, 'make it, or take it out of firewall.hooks');
  if (!table.has(chain)) return tell(`there is no chain ${chain}`);
  const present = hooks.filter((hook) => table.has(hook));
  for (const hook of present) {
    const plan = planHook(table.get(hook) ?? [], chain);
    if (plan.kind === 'missing') return tell(`${hook} does not jump to ${chain}`);
    if (plan.kind === 'late')
      return tell(`the jump from ${hook} to ${chain} stands behind a rule that ends a packet's way`);
  }
  return ok(check, `${present.join(', ')} jumps to it ahead of all that ends a packet's way`);
}
