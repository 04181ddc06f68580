/** Reads from this host what the checks have to know of it, and changes nothing. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces, release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Family } from '../../model.ts';
import type { Outside } from '../setup/probes.ts';
import type { Process } from './daemons.ts';
import type { KernelText } from './kernel-modules.ts';

const ALL_NETNS = '/proc/sys/net/netfilter/nf_log_all_netns';

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

/**
 * The interfaces by which strangers come, as far as that can be told: those of the default routes, or where there are none
 * all that have an address, but for the loopback.
 */
export function outsideInterfaces(family: Family): readonly string[] {
  const routes = defaultInterfaces(family);
  if (routes.length > 0) return routes;
  const all = Object.entries(networkInterfaces());
  return all.flatMap(([name, addresses]) => (addresses?.some(({ internal }) => !internal) ? [name] : []));
}

/** Those of the default routes. */
export function defaultInterfaces(family: Family): readonly string[] {
  const routes =
    family === 4 ? defaultRoutes4(textOf('/proc/net/route')) : defaultRoutes6(textOf('/proc/net/ipv6_route'));
  return [...new Set(routes)];
}

/** `eth0 00000000 0101A8C0 0003 ...`: interface, destination, gateway, flags. */
function defaultRoutes4(text: string): string[] {
  return [...text.matchAll(/^(\S+)\s+00000000\s+[0-9A-F]{8}\s/gm)].map(([, name = '']) => name);
}

/** Destination, the bits of it that count, source, its bits, gateway, metric, counters, flags, interface. */
function defaultRoutes6(text: string): string[] {
  return [...text.matchAll(/^0{32} 00 .* (\S+)$/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'lo');
}

export function outsideOf(family: Family): Outside {
  return { known: outsideInterfaces(family), sure: defaultInterfaces(family) };
}

/** Whether this network has IPv6 at all, as it has none where `ipv6.disable=1` or `disable_ipv6` says so. */
export function hasIpv6(): boolean {
  return textOf('/proc/net/if_inet6') !== '';
}
