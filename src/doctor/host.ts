/** This host -> what the checks have to know of it. Nothing is changed. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { GOES_ON } from '../rule/hook.ts';
import { expectDone, type Iptables } from '../rule/iptables.ts';
import { rulesOf } from '../rule/listing.ts';
import type { Process } from './daemons.ts';
import type { Table } from './packet-path.ts';
import type { KernelText } from './xt-time.ts';

const ALL_NETNS = '/proc/sys/net/netfilter/nf_log_all_netns';

/**
 * The rules of the chains, and of all to which they lead; null where the kernel does not filter this family.
 *
 * @throws KnocktailError when iptables may not be run
 */
export async function readTable(iptables: Iptables, chains: readonly string[]): Promise<Table | null> {
  const table = new Map<string, readonly (readonly string[])[]>();
  const due = [...chains];
  const asked = new Set<string>();
  for (let chain = due.shift(); chain !== undefined; chain = due.shift()) {
    if (asked.has(chain)) continue;
    asked.add(chain);
    const answer = await iptables.run({ op: 'list', chain });
    // A target that is no chain is not listed, either.
    if (!answer.done && answer.refusal === 'missing') continue;
    if (!answer.done && answer.refusal === 'no family') return null;
    const rules = rulesOf(expectDone(answer), chain);
    table.set(chain, rules);
    due.push(...rules.flatMap(targets));
  }
  return table;
}

/** Those that this process sees and that hear the same network, as far as it may know. */
export function processes(): Process[] {
  const network = linkOf('/proc/self/ns/net');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && [network, null].includes(linkOf(`/proc/${name}/ns/net`)))
    .map((name) => ({
      pid: Number(name),
      parent: parentOf(textOf(`/proc/${name}/stat`)),
      argv: textOf(`/proc/${name}/cmdline`).split('\0'),
    }));
}

/** `7 (a name) S 1 ...` (proc_pid_stat(5)); a name may hold anything. */
function parentOf(stat: string): number | null {
  const [, parent] = /^ \S (\d+) /.exec(stat.slice(stat.lastIndexOf(')') + 1)) ?? [];
  return parent === undefined ? null : Number(parent);
}

/**
 * Whether this is not the network that the machine has begun with, the only one that the kernel logs by itself: that
 * one alone has the setting for all others (netfilter_log_sysctl_init, net/netfilter/nf_log.c).
 */
export function isNetworkOfItsOwn(): boolean {
  return existsSync('/proc/sys/net/netfilter/nf_log') && !existsSync(ALL_NETNS);
}

/** Empty where it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What this kernel tells of its modules. */
export function kernelText(): KernelText {
  const folder = `/lib/modules/${release()}`;
  return {
    modules: textOf('/proc/modules'),
    available: textOf(`${folder}/modules.dep`) + textOf(`${folder}/modules.builtin`),
    config: unzipped('/proc/config.gz') || textOf(`/boot/config-${release()}`),
  };
}

function unzipped(path: string): string {
  try {
    return gunzipSync(readFileSync(path)).toString();
  } catch {
    return '';
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

const BUILT_IN: ReadonlySet<string> = new Set([
  ...GOES_ON,
  'ACCEPT',
  'DROP',
  'REJECT',
  'RETURN',
  'QUEUE',
  'NFQUEUE',
]);

function targets(spec: readonly string[]): string[] {
  const at = spec.findIndex((word) => word === '-j' || word === '-g');
  const target = at < 0 ? undefined : spec[at + 1];
  return target === undefined || BUILT_IN.has(target) ? [] : [target];
}
