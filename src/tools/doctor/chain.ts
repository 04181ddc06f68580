/** Checks that the packets of an opening get to its rule in one family's packet filter. */

import { isInTheWay, lateJump, narrowJump, planHook } from '../../firewall/hook.ts';
import { type PacketFilter, passThrough, stagesOf } from '../../firewall/stages.ts';
import { type Chains, walk } from '../../firewall/walk.ts';
import type { LockOwner } from '../../lib/lock-socket.ts';
import { type DoorProbe, portOf } from '../setup/probes.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

interface Settings {
  readonly chain: string;
  readonly hooks: readonly string[];
  readonly manage: boolean;
}

/** The rules of iptables, which can be read. */
export interface IptablesFilter extends PacketFilter {
  readonly iptables: Chains;
}

/**
 * @param openings the packets that the doors let in
 * @param daemon the one that runs; null where none does
 */
export function checkChain(
  filter: IptablesFilter,
  { chain, hooks, manage }: Settings,
  openings: readonly DoorProbe[],
  daemon: LockOwner | null,
): Finding {
  const { family, iptables } = filter;
  const check = `${chain}, IPv${family}`;
  const present = hooks.filter((hook) => iptables.has(hook));
  const isOpen = openings.length > 0 && openings.every((opening) => isLetIn(iptables, present, opening));
  const mended = (detail: string): Finding => {
    if (!manage && isOpen)
      return warn(
        check,
        `${detail}, and the doors' ports are open without a knock`,
        'knocktail rules --apply',
      );
    if (!manage) return fail(check, detail, 'knocktail rules --apply');
    if (daemon === null)
      return warn(check, `${detail}; the daemon puts that right when it starts`, 'knocktail run');
    const { pid, isInReach } = daemon;
    const which =
      pid === null ? 'the daemon' : `the daemon (${pid}${isInReach ? '' : ' in another container'})`;
    return warn(
      check,
      `${detail}; ${which} puts that right within a minute`,
      pid !== null && isInReach ? `kill -HUP ${pid}` : 'wait, or send HUP to it in its container',
    );
  };
  const missing = hooks.find((hook) => !iptables.has(hook));
  // Docker has long made its chain for IPv4 alone.
  if (missing !== undefined && family === 4)
    return fail(check, `there is no chain ${missing}`, 'make it, or take it out of firewall.hooks');
  if (!iptables.has(chain)) return mended(`there is no chain ${chain}`);
  for (const hook of present) {
    const plan = planHook(iptables, hook, chain, openings);
    if (plan.kind === 'missing') return mended(`${hook} does not jump to ${chain}`);
    if (plan.kind === 'late') return mended(lateJump(hook, chain, plan.blocker));
    if (plan.kind === 'narrow')
      return fail(
        check,
        narrowJump(hook, chain, plan.probe),
        `change that rule, or add one: ${tool(family)} -I ${hook} 1 -j ${chain}`,
      );
  }
  return (
    checkOtherTables(filter, present, chain, openings) ?? ok(check, reached(filter, present, chain, openings))
  );
}

/** Whether such a packet comes in as things are, so that no opening is missed. */
function isLetIn(chains: Chains, hooks: readonly string[], opening: DoorProbe): boolean {
  return hooks.length > 0 && hooks.every((hook) => walk(chains, hook, opening).end.verdict === 'accept');
}

/** A packet has to be let through by every table, whatever iptables has decided. */
function checkOtherTables(
  filter: IptablesFilter,
  hooks: readonly string[],
  chain: string,
  openings: readonly DoorProbe[],
): Finding | null {
  for (const opening of openings) {
    const passages = hooks.map((hook) => passThrough(stagesOf(filter, hook), opening, chain));
    const [dropped] = passages.map(({ end, iptables, doubts }) => {
      const isByOther = end.verdict === 'drop' && end !== iptables;
      return isByOther && !doubts.some(({ verdict }) => verdict === 'accept') ? end : null;
    });
    if (dropped === undefined || dropped === null) continue;
    const what = dropped.rule?.text ?? 'the policy of a table of nft';
    return fail(
      `${chain}, IPv${filter.family}`,
      `an opening of ${portOf(opening)} does not help: ${what} drops the packet as well`,
      'accept it there, or open the door by start_command (docs/setup.md)',
    );
  }
  return null;
}

/** What decides some of the packets first is worth a word, and as its author wants it. */
function reached(
  { iptables }: IptablesFilter,
  hooks: readonly string[],
  chain: string,
  openings: readonly DoorProbe[],
): string {
  const doubts = hooks.flatMap((hook) =>
    openings.flatMap((opening) => {
      const { doubts, end } = passThrough(
        [{ chains: iptables, entry: hook, isIptables: true }],
        opening,
        chain,
      );
      return isInTheWay(end) ? [] : doubts.filter(({ verdict }) => verdict === 'drop');
    }),
  );
  const [first] = doubts;
  const led = `${hooks.join(', ')} jumps to it before any rule that drops what a door lets in`;
  return first === undefined ? led : `${led}, but for what ${first.rule.text} drops`;
}

function tool(family: 4 | 6): string {
  return family === 4 ? 'iptables' : 'ip6tables';
}
