/** Splits a rule into the extensions that it needs of the kernel, and names the kernel modules of each. */

type Spec = readonly string[];

/** A match (`-m comment`) or a target (`-j LOG`) of iptables. */
export interface Extension {
  readonly kind: 'match' | 'target';
  readonly name: string;
  /** The shortest rule that needs it. */
  readonly spec: Spec;
}

/** Modules besides `xt_NAME`, by extension (net/netfilter/Kconfig). */
const MORE_MODULES: Readonly<Record<string, readonly string[]>> = {
  LOG: ['nf_log_syslog'],
  NFLOG: ['nfnetlink_log'],
  conntrack: ['nf_conntrack'],
};
const MODULES: Readonly<Record<string, readonly string[]>> = {
  tcp: ['xt_tcpudp'],
  udp: ['xt_tcpudp'],
  icmp: ['ip_tables'],
  icmp6: ['ip6_tables'],
};
/** What the chain of a rule has by itself. */
const BUILT_IN: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'RETURN']);
const BASE_OPTIONS: ReadonlySet<string> = new Set(['-p', '-s', '-d', '-i']);

/** @returns each with the words of the rule that it takes, and the protocol, without which some are refused */
export function extensionsOf(spec: Spec): readonly Extension[] {
  const base: string[] = [];
  let at = 0;
  for (; BASE_OPTIONS.has(spec[at] ?? ''); at += 2) base.push(...spec.slice(at, at + 2));
  const target = spec.findIndex((word) => word === '-j' || word === '-g');
  const starts = spec.flatMap((word, index) => (word === '-m' && index < target ? [index] : []));
  const matches = starts.map((start, index): Extension => {
    const words = spec.slice(start, starts[index + 1] ?? target);
    return { kind: 'match', name: words[1] ?? '', spec: [...base, ...words, '-j', 'RETURN'] };
  });
  const name = spec[target + 1] ?? '';
  if (spec[target] === '-g' || BUILT_IN.has(name)) return matches;
  return [...matches, { kind: 'target', name, spec: [...base, ...spec.slice(target)] }];
}

/** `this kernel has no LOG target (xt_LOG, nf_log_syslog)` */
export function lackOf({ kind, name }: Extension): string {
  return `this kernel has no ${name} ${kind} (${modulesOf(name).join(', ')})`;
}

export function lackRemedy({ name }: Extension): string {
  const [first = ''] = modulesOf(name);
  return `load it (modprobe ${first}), or install the kernel package that has it`;
}

function modulesOf(name: string): readonly string[] {
  return MODULES[name] ?? [`xt_${name}`, ...(MORE_MODULES[name] ?? [])];
}

/** Whether these are the words of an iptables that misses a match or target, and not of one that misses a rule. */
export function namesLack(words: string): boolean {
  return /No chain\/target\/match by that name|missing kernel module/.test(words);
}
