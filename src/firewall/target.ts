/** Reads the target of an iptables rule, and knows which targets decide a packet. */

/** Targets after which the packet goes on to the next rule (iptables-extensions(8)). */
export const GOES_ON: ReadonlySet<string> = new Set([
  ...['LOG', 'NFLOG', 'ULOG', 'AUDIT', 'TRACE', 'LED', 'IDLETIMER', 'RATEEST', 'TEE', 'SET'],
  ...['MARK', 'CONNMARK', 'HMARK', 'SECMARK', 'CONNSECMARK', 'CLASSIFY', 'CT', 'NOTRACK'],
  ...['CHECKSUM', 'DSCP', 'ECN', 'HL', 'TTL', 'TOS', 'TCPMSS', 'TCPOPTSTRIP'],
]);

/** Whether a packet that the rule takes may go no further: a verdict, or a chain that may have one. */
export function isTerminal(spec: readonly string[]): boolean {
  const target = targetOf(spec);
  return target !== null && !GOES_ON.has(target);
}

export function targetOf(spec: readonly string[]): string | null {
  const at = targetIndex(spec);
  return at < 0 ? null : (spec[at + 1] ?? null);
}

/** Whether the packet comes back from the target chain to the chain before this one (`-g`). */
export function isGoto(spec: readonly string[]): boolean {
  return spec[targetIndex(spec)] === '-g';
}

function targetIndex(spec: readonly string[]): number {
  return spec.findIndex((word) => word === '-j' || word === '-g');
}
