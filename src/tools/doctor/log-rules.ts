/** Checks that the packet filter of one family logs every step of every door. */

import type { Config } from '../../config/schema.ts';
import type { Probe } from '../../firewall/packet-match.ts';
import { type PacketFilter, type Passage, passThrough, stagesOf } from '../../firewall/stages.ts';
import type { Family, Sequence } from '../../model.ts';
import { distinct, type Line } from '../setup/chains.ts';
import { knockProbes, portOf } from '../setup/probes.ts';
import { type Watched, watched } from '../setup/watched.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const REMEDY = 'knocktail rules --apply';
/** In front of what drops in a table of nft. */
const NFT_REMEDY = 'log it before that rule: knocktail rules --format nft | nft -f -';

/** A knock that no log would show. */
export interface Unlogged {
  readonly probe: Probe;
  readonly is: 'throttled' | 'missing';
  readonly why: string;
  readonly remedy: string;
}

/** A door that cannot be opened, as a step of it is not logged. */
export interface DeafDoor extends Unlogged {
  readonly door: string;
}

/**
 * @param hooks those where knocks may come by: one has to log them
 * @param lines what the logs are read for: one of them has to show each knock
 */
export function checkLogRules(
  filter: PacketFilter,
  hooks: readonly string[],
  watched: Watched,
  lines: readonly Line[],
): Finding {
  const check = `LOG rules, IPv${watched.family}`;
  const count = knockProbes(watched).length;
  const bad = unlogged(filter, hooks, watched, lines);
  const [worst] = [...bad.filter(({ is }) => is === 'missing'), ...bad];
  if (worst === undefined) return ok(check, `each of ${count} knocks is logged`);
  const others = bad.length > 1 ? `, and ${bad.length - 1} more of ${count} knocks are like it` : '';
  const detail = `${nameOf(worst.probe)} ${worst.why}${others}`;
  return worst.is === 'missing' ? fail(check, detail, worst.remedy) : warn(check, detail, worst.remedy);
}

/** @param sequencesOf all that may ever open the door */
export function deafDoors(
  filter: PacketFilter,
  config: Config,
  sequencesOf: (door: string) => readonly Sequence[],
): readonly DeafDoor[] {
  return [...config.doors].flatMap(([name, door]) => {
    const seen = watched({ ...config, doors: new Map([[name, door]]) }, filter.family, sequencesOf);
    if (seen === null) return [];
    const missing = unlogged(filter, config.firewall.hooks, seen, config.logs).find(
      ({ is }) => is === 'missing',
    );
    return missing === undefined ? [] : [{ door: name, ...missing }];
  });
}

/** What is said of a door that is deaf over these families. */
export function deafness({ door, probe, why }: DeafDoor, families: readonly Family[]): string {
  const [family, other] = families;
  const over = other === undefined ? ` over IPv${family}` : '';
  return `door ${door} is deaf${over}: ${nameOf(probe)} ${why}`;
}

/** Whether a log shows this knock, for all that is known of the rules. */
export function isLogged(
  filter: PacketFilter,
  hooks: readonly string[],
  probe: Probe,
  lines: readonly Line[],
): boolean {
  const written = hooks.flatMap((hook) => passThrough(stagesOf(filter, hook), probe).logs);
  return written.some((log) => lines.some((line) => isRead(log, line)));
}

function unlogged(
  filter: PacketFilter,
  hooks: readonly string[],
  watched: Watched,
  lines: readonly Line[],
): Unlogged[] {
  const stages = hooks.map((hook) => stagesOf(filter, hook));
  return knockProbes(watched).flatMap((probe) => {
    const state = best(
      stages.map((each) => passThrough(each, probe)),
      lines,
    );
    return state === null ? [] : [{ probe, ...state }];
  });
}

/** Null where it is logged. */
function best(passages: readonly Passage[], lines: readonly Line[]): Omit<Unlogged, 'probe'> | null {
  const logs = passages.flatMap((passage) => passage.logs);
  const ours = logs.filter((log) => lines.some((line) => isRead(log, line)));
  if (ours.some(({ isThrottled }) => !isThrottled)) return null;
  const remedy = REMEDY;
  if (ours.length > 0)
    return { is: 'throttled', why: 'is logged behind -m limit, which any one source can use up', remedy };
  const [other] = logs;
  if (other !== undefined)
    return { is: 'missing', why: `is logged ${named(other)}, not ${wanted(lines)}`, remedy };
  for (const { end, iptables } of passages) {
    // A drop in a table of nft comes first where a packet does not get to iptables.
    const { rule } = iptables ?? end;
    if (rule !== null)
      return {
        is: 'missing',
        why: `is not logged ahead of ${rule.text}`,
        remedy: iptables === null ? NFT_REMEDY : REMEDY,
      };
  }
  return { is: 'missing', why: 'is not logged', remedy };
}

function isRead(written: Line, { prefix, format }: Line): boolean {
  return written.prefix === prefix && (format === 'any' || written.format === format);
}

/** The lines that count, in words. */
export function wanted(lines: readonly Line[]): string {
  return distinct(lines).map(named).join(' or ');
}

function named({ prefix, format }: Line): string {
  return `${format === 'ulogd' ? 'for ulogd ' : ''}with the prefix "${prefix}"`;
}

function nameOf(probe: Probe): string {
  if (probe.port !== null) return portOf(probe);
  return probe.length === null ? 'a ping' : `a ping of ${probe.length} bytes in all`;
}
