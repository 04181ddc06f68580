/** The packet filter of one family -> whether it logs every step of every door. */

import { parseNetwork } from '../config/networks.ts';
import { type Address, TCP_FLAGS } from '../model.ts';
import { distinct, type Line } from '../setup/chains.ts';
import { echoLength, type View, type Watched } from '../setup/watched.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { type Path, pathOf, type Table } from './packet-path.ts';
import type { Probe } from './rule-match.ts';

const REMEDY = 'knocktail rules --apply';

/**
 * @param hooks those where knocks may come by: one has to log them
 * @param lines what the logs are read for: one of them has to show each knock
 */
export function checkLogRules(
  table: Table,
  hooks: readonly string[],
  watched: Watched,
  lines: readonly Line[],
): Finding {
  const check = `LOG rules, IPv${watched.family}`;
  const probes = probesOf(watched);
  const states = probes.map((probe) => ({
    probe,
    ...best(
      hooks.map((hook) => pathOf(table, hook, probe)),
      lines,
    ),
  }));
  const bad = states.filter(({ is }) => is !== 'logged');
  const [worst] = [...bad.filter(({ is }) => is === 'missing'), ...bad];
  if (worst === undefined) return ok(check, `each of ${probes.length} knocks is logged`);
  const others = bad.length > 1 ? `, and ${bad.length - 1} more of ${probes.length} knocks are like it` : '';
  const detail = `${nameOf(worst.probe)} ${worst.why}${others}`;
  return worst.is === 'missing' ? fail(check, detail, REMEDY) : warn(check, detail, REMEDY);
}

/** Whether a log shows this knock, for all that is known of the rules. */
export function isLogged(
  table: Table,
  hooks: readonly string[],
  probe: Probe,
  lines: readonly Line[],
): boolean {
  const written = hooks.flatMap((hook) => pathOf(table, hook, probe).logs);
  return written.some((log) => lines.some((line) => isRead(log, line)));
}

function best(
  paths: readonly Path[],
  lines: readonly Line[],
): { readonly is: 'logged' | 'throttled' | 'missing'; readonly why: string } {
  const logs = paths.flatMap((path) => path.logs);
  const ours = logs.filter((log) => lines.some((line) => isRead(log, line)));
  if (ours.some(({ isThrottled }) => !isThrottled)) return { is: 'logged', why: '' };
  if (ours.length > 0)
    return { is: 'throttled', why: 'is logged behind -m limit, which any one source can use up' };
  const [other] = logs;
  if (other !== undefined) return { is: 'missing', why: `is logged ${named(other)}, not ${wanted(lines)}` };
  const end = paths.find((path) => path.end !== null)?.end ?? null;
  return { is: 'missing', why: end === null ? 'is not logged' : `is not logged ahead of ${end}` };
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

function probesOf(watched: Watched): Probe[] {
  const { views, tcp, udp, echoes, family } = watched;
  return views.flatMap((view) => {
    const any = probeOf(view, watched);
    return [
      ...tcp.map((port): Probe => ({ ...any, proto: 'tcp', port })),
      ...udp.map((port): Probe => ({ ...any, proto: 'udp', port })),
      ...echoes.map(
        (size): Probe => ({ ...any, proto: 'icmp', length: size === null ? null : echoLength(size, family) }),
      ),
    ];
  });
}

function probeOf({ from, to, flags }: View, { family, interface: name }: Watched): Omit<Probe, 'proto'> {
  const source: Address | null = from === null ? null : (parseNetwork(from)?.address ?? null);
  const set = flags === null || flags.set === 0 ? TCP_FLAGS.SYN : flags.set;
  return { family, port: null, flags: set, length: null, from: source, to, interface: name };
}

function nameOf({ proto, port, length }: Probe): string {
  if (port !== null) return `${port}/${proto}`;
  return length === null ? 'a ping' : `a ping of ${length} bytes in all`;
}
