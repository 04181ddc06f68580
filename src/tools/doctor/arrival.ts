/** Judges by where a test packet was seen whether knocks reach the log, and where they are lost. */

import type { Line } from '../setup/chains.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';
import { wanted } from './log-rules.ts';

export interface Sighting extends Line {
  /** Its path, or where it is from. */
  readonly log: string;
  /** From the kernel's stamp until it was read; null where it was not seen. */
  readonly lagMs: number | null;
  /** A knock that is read later than this opens nothing. */
  readonly maxAgeMs: number;
}

/** What the kernel has said of it, whoever was to hear that. */
export type KernelLine =
  | { readonly is: 'written'; readonly prefixes: readonly [string, ...string[]] }
  | { readonly is: 'missing' }
  /** It may not be asked. */
  | { readonly is: 'unknown' };

export interface Arrival {
  readonly check: string;
  /** As in `4438/tcp from 198.18.0.2`. */
  readonly packet: string;
  readonly limitMs: number;
  readonly sightings: readonly Sighting[];
  readonly kernel: KernelLine;
  /** Whether the network is one that the kernel does not log by itself. */
  readonly isNetworkOfItsOwn: boolean;
}

const MS_PER_SECOND = 1_000;
const CHECK = 'self-test';
export const RULES = 'knocktail rules --apply';
export const OWN_NETWORK =
  'run it on the network of the host, as of others the kernel logs nothing while net.netfilter.nf_log_all_netns is 0';

/** One for each log: where some show it doors can be opened, and yet the others are of no use. */
export function checkArrival(arrival: Arrival): Finding[] {
  const isSeen = arrival.sightings.some(({ lagMs }) => lagMs !== null);
  return arrival.sightings.map((sighting) => {
    const { check, packet } = arrival;
    const { log, lagMs, maxAgeMs } = sighting;
    if (lagMs !== null) {
      const shown = `${packet} was in ${titleOf(log)}${lag(lagMs)}`;
      if (lagMs <= maxAgeMs) return ok(check, shown);
      const why = `${shown}, and what is older than log.max_age opens nothing`;
      return warn(check, why, `see why it comes so late: ${feeding(log)}`);
    }
    const [detail, remedy] = lossOf(sighting, arrival);
    return isSeen ? warn(check, detail, remedy) : fail(check, detail, remedy);
  });
}

/** Many logs have whole seconds, so less than one is not told. */
function lag(lagMs: number): string {
  return lagMs < MS_PER_SECOND ? ' within a second' : ` after ${Math.round(lagMs / MS_PER_SECOND)} s`;
}

/** What can be said of it without a packet. */
export function untested(isNetworkOfItsOwn: boolean, isToKnock: boolean): Finding {
  return isNetworkOfItsOwn
    ? warn(
        CHECK,
        'this network is not that of the host but its own, as a container has, and the kernel may log nothing of it',
        isToKnock ? OWN_NETWORK : 'knocktail doctor --knock',
      )
    : skip(CHECK, 'not tried whether the log shows a knock: knocktail doctor --knock sends one');
}

function lossOf(
  sighting: Sighting,
  { packet, limitMs, kernel, isNetworkOfItsOwn }: Arrival,
): readonly [detail: string, remedy: string] {
  const log = titleOf(sighting.log);
  const within = `within ${limitMs / 1000} s`;
  const lost = `${packet} was not in ${log} ${within}`;
  if (sighting.format === 'ulogd')
    return [lost, `see that ulogd2 runs and writes ${log}, and that an NFLOG rule has its group and prefix`];
  switch (kernel.is) {
    case 'written':
      return kernel.prefixes.includes(sighting.prefix)
        ? [`the kernel logged ${packet}, but ${log} did not show it ${within}`, feeding(sighting.log)]
        : [
            `the kernel logged ${packet} with the prefix "${kernel.prefixes[0]}", not ${wanted([sighting])}`,
            `${RULES}, or write that prefix into log.prefix`,
          ];
    case 'missing':
      return [
        `the kernel logged nothing of ${packet} ${within}`,
        isNetworkOfItsOwn ? `${RULES}; if that has nothing to do, ${OWN_NETWORK}` : RULES,
      ];
    case 'unknown':
      return [lost, `${RULES}; if that has nothing to do, ${feeding(sighting.log)}`];
  }
}

const TITLES = new Map([
  ['auto', 'the log that auto finds'],
  ['journal', 'the journal'],
  ['kmsg', '/dev/kmsg'],
]);

export function titleOf(log: string): string {
  return TITLES.get(log) ?? log;
}

function feeding(log: string): string {
  if (log === 'journal' || log === 'auto')
    return 'see what journalctl -k -f shows, and that journald.conf does not say ReadKMsg=no';
  if (log === 'kmsg') return 'see what dmesg -w shows';
  return `see that rsyslog runs, loads imklog and writes ${log} (knocktail rules --format rsyslog)`;
}
