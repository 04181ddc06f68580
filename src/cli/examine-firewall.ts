/** Examines the firewall of this host for the doctor: its programs, and what stands between a packet and its rule. */

import type { Config } from '../config/schema.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { backendOf, rulesIn, settleBinaries } from '../firewall/backend.ts';
import { lackOf, lackRemedy, namesLack } from '../firewall/extension.ts';
import type { Iptables } from '../firewall/iptables.ts';
import type { PacketFilter } from '../firewall/stages.ts';
import type { LockOwner } from '../lib/lock-socket.ts';
import type { Family } from '../model.ts';
import { backendUnknown, checkBackend } from '../tools/doctor/backend.ts';
import { checkChain } from '../tools/doctor/chain.ts';
import { type FamilyFilter, readFilter, readNftHere } from '../tools/doctor/filters.ts';
import { type Finding, fail, skip, warn } from '../tools/doctor/finding.ts';
import { hasIpv6, kernelText, outsideInterfaces, outsideOf, textOf } from '../tools/doctor/host.ts';
import { kernelHas } from '../tools/doctor/kernel-modules.ts';
import { checkLateStarts } from '../tools/doctor/late-start.ts';
import { checkLogRules } from '../tools/doctor/log-rules.ts';
import { checkPrivileges } from '../tools/doctor/privileges.ts';
import { checkSessions } from '../tools/doctor/sessions.ts';
import { checkShut } from '../tools/doctor/shut.ts';
import { checkSweeps } from '../tools/doctor/sweeps.ts';
import { checkXtTime } from '../tools/doctor/xt-time.ts';
import { openingProbes, strangerProbes } from '../tools/setup/probes.ts';
import { watched } from '../tools/setup/watched.ts';
import type { SequencesOf } from './watched-by.ts';

const FAMILIES = [4, 6] as const;

interface Known {
  /** Null where it is not known what opens the doors. */
  readonly sequencesOf: SequencesOf | null;
  /** The one that runs; null where none does. */
  readonly daemon: LockOwner | null;
  /** Takes the rules that are found. */
  readonly filters: Map<Family, PacketFilter>;
}

export async function* examineFirewall(config: Config, known: Known): AsyncGenerator<Finding> {
  const { firewall } = config;
  const found = await tried('iptables', () =>
    settleBinaries(firewall.iptables, process.env['PATH'] ?? '', firewall.chain),
  );
  if ('status' in found) {
    yield found;
    return;
  }
  const programs = found.value;
  const backend = backendOf(programs.v4);
  yield checkPrivileges(textOf('/proc/self/status'), backend === 'legacy');
  if (backend === null) yield backendUnknown(`${programs.v4} does not say whether it is nft or legacy`);
  else {
    const [nft, legacy] = [await rulesIn('nft', firewall.chain), await rulesIn('legacy', firewall.chain)];
    yield checkBackend({ ours: backend, nft, legacy });
  }
  yield checkXtTime(kernelText());
  const nft = await readNftHere();
  for (const family of FAMILIES) {
    const read = await readFilter(family, programs, [...firewall.hooks, firewall.chain], nft);
    yield* examineFamily(read, config, known);
  }
}

async function* examineFamily(
  { filter, iptables, trouble }: FamilyFilter,
  config: Config,
  { sequencesOf, daemon, filters }: Known,
): AsyncGenerator<Finding> {
  const { firewall, logs } = config;
  const { family } = filter;
  const check = `${firewall.chain}, IPv${family}`;
  if (family === 6 && !hasIpv6()) {
    yield skip(check, 'IPv6 is off here');
    return;
  }
  filters.set(family, filter);
  const outside = outsideInterfaces(family);
  const openings = openingProbes(config, family, outside);
  if (iptables === null) yield skip(check, 'there is no ip6tables');
  else if (trouble !== null) yield unreadable(check, trouble, family);
  else if (filter.iptables !== null && firewall.backend === 'iptables') {
    yield checkChain({ ...filter, iptables: filter.iptables }, firewall, openings, daemon);
    yield* checkSessions(filter, firewall.hooks, openings);
  }
  if (filter.iptables === null && filter.nft === null) return;
  yield* checkLateStarts(filter, config, outside);
  const tool = iptables?.name ?? '';
  yield* checkShut(filter, firewall, strangerProbes(config, family, outsideOf(family)), tool);
  const seen = sequencesOf === null ? null : watched(config, family, sequencesOf);
  if (seen === null) return;
  const finding = checkLogRules(filter, firewall.hooks, seen, logs);
  const lack = finding.status === 'fail' && iptables !== null ? await lackOfTarget(iptables, logs) : null;
  yield lack === null ? finding : fail(finding.check, `${finding.detail}: ${lack.what}`, lack.remedy);
  if (finding.status !== 'fail') yield checkSweeps(filter, config, seen, logs);
}

function unreadable(check: string, { complaint, remedy, exitCode }: KnocktailError, family: Family): Finding {
  return family === 6 && exitCode === EXIT.UNAVAILABLE
    ? warn(check, `${complaint}; doors open for IPv4 alone`, remedy ?? 'knocktail check')
    : fail(check, complaint, remedy ?? 'knocktail check');
}

/**
 * Asks for rules, which changes nothing: an iptables without the target answers otherwise than for a rule that is not
 * there. Where the answers are alike, as those of legacy are, the kernel's list of modules tells.
 */
async function lackOfTarget(
  iptables: Iptables,
  logs: Config['logs'],
): Promise<{ readonly what: string; readonly remedy: string } | null> {
  const answer = async (...spec: readonly string[]): Promise<string> => {
    const given = await iptables.run({ op: 'check', chain: 'INPUT', spec });
    return given.done ? '' : given.error.what;
  };
  const absent = await answer('-j', 'MARK', '--set-mark', '0x7fee');
  for (const name of new Set(logs.map(({ format }) => (format === 'ulogd' ? 'NFLOG' : 'LOG')))) {
    const words = await answer('-j', name);
    const isSaid = words !== absent && namesLack(words);
    const option = `CONFIG_NETFILTER_XT_TARGET_${name}`;
    if (!isSaid && kernelHas(kernelText(), { name: `xt_${name}`, option }) !== false) continue;
    const target = { kind: 'target', name, spec: [] } as const;
    return { what: lackOf(target), remedy: lackRemedy(target) };
  }
  return null;
}

/** A failure that is expected of a host is a finding, and not the end of the examination. */
export async function tried<T>(
  check: string,
  act: () => Promise<T>,
): Promise<{ readonly value: T } | Finding> {
  try {
    return { value: await act() };
  } catch (error) {
    if (error instanceof KnocktailError)
      return fail(check, error.complaint, error.remedy ?? 'knocktail check');
    throw error;
  }
}
