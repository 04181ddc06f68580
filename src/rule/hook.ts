/** The rules of a hook (INPUT, FORWARD, ...) -> where its jump to our chain stands, or has to go. */

/** Targets after which the packet goes on to the next rule (iptables-extensions(8)). All others end its way. */
export const GOES_ON: ReadonlySet<string> = new Set([
  ...['LOG', 'NFLOG', 'ULOG', 'AUDIT', 'TRACE', 'LED', 'IDLETIMER', 'RATEEST', 'TEE', 'SET'],
  ...['MARK', 'CONNMARK', 'HMARK', 'SECMARK', 'CONNSECMARK', 'CLASSIFY', 'CT', 'NOTRACK'],
  ...['CHECKSUM', 'DSCP', 'ECN', 'HL', 'TTL', 'TOS', 'TCPMSS', 'TCPOPTSTRIP'],
]);

/** Places are rule numbers as `iptables -I CHAIN NUMBER` counts them, from 1. */
export type HookPlan =
  | { readonly kind: 'stands' }
  | { readonly kind: 'missing'; readonly at: number }
  /** It stands where packets may never come by. `spec` is the jump as it is, conditions and all. */
  | {
      readonly kind: 'late';
      readonly at: number;
      readonly spec: readonly string[];
      /** The rule that it stands behind. */
      readonly behind: readonly string[];
    };

/** The jump's place is ahead of the hook's first terminal rule, behind the LOG rules before it. */
export function planHook(rules: readonly (readonly string[])[], chain: string): HookPlan {
  const jump = rules.findIndex((spec) => targetOf(spec) === chain);
  const terminal = rules.findIndex(isTerminal);
  if (jump >= 0 && jump <= terminal) return { kind: 'stands' };
  const at = (terminal < 0 ? rules.length : terminal) + 1;
  const spec = rules[jump];
  const behind = rules[terminal] ?? [];
  return spec === undefined ? { kind: 'missing', at } : { kind: 'late', at, spec, behind };
}

export function isTerminal(spec: readonly string[]): boolean {
  const target = targetOf(spec);
  return target !== null && !GOES_ON.has(target);
}

export function targetOf(spec: readonly string[]): string | null {
  const at = spec.findIndex((word) => word === '-j' || word === '-g');
  return at < 0 ? null : (spec[at + 1] ?? null);
}
