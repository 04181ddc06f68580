/** The rules of a hook and a knock -> the LOG rules that it meets, and where its way ends. */

import { GOES_ON } from '../rule/hook.ts';
import type { Line } from '../setup/chains.ts';
import { matchRule, type Probe } from './rule-match.ts';

/** The rules of each chain, the hook's and those that it leads to. */
export type Table = ReadonlyMap<string, readonly (readonly string[])[]>;

/** A line that some rule has written. */
export interface Written extends Line {
  readonly isThrottled: boolean;
}

export interface Path {
  readonly logs: readonly Written[];
  /** The rule that ends it, as `iptables -S` says it; null where the policy does. */
  readonly end: string | null;
}

const ENDS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'REJECT', 'QUEUE', 'NFQUEUE']);
const WRITES: ReadonlyMap<string, Line['format']> = new Map([
  ['LOG', 'kernel'],
  ['NFLOG', 'ulogd'],
  ['ULOG', 'ulogd'],
]);
const PREFIXES = ['--log-prefix', '--nflog-prefix', '--ulog-prefix'];
/** The kernel takes no loops; a listing that was changed between two looks may have one. */
const DEEPEST = 32;

/** A rule of which it cannot be told whether it takes the knock is taken to let it go on, and to log it. */
export function pathOf(table: Table, hook: string, probe: Probe): Path {
  const logs: Written[] = [];
  const walk = (chain: string, depth: number, isReached: boolean, throttled: boolean): string | null => {
    let isSure = isReached;
    for (const spec of depth > DEEPEST ? [] : (table.get(chain) ?? [])) {
      const { takes, isThrottled } = matchRule(spec, probe);
      const at = spec.findIndex((word) => word === '-j' || word === '-g');
      const target = at < 0 ? '' : (spec[at + 1] ?? '');
      if (takes === 'no' || target === '') continue;
      const isCertain = isSure && takes === 'yes';
      const format = WRITES.get(target);
      if (format !== undefined)
        logs.push({ prefix: prefixOf(spec), format, isThrottled: throttled || isThrottled });
      else if (ENDS.has(target)) {
        if (isCertain) return `-A ${chain} ${spec.join(' ')}`;
      } else if (target === 'RETURN') {
        if (takes === 'yes') return null;
        isSure = false;
      } else if (!GOES_ON.has(target)) {
        const end = walk(target, depth + 1, isCertain, throttled || isThrottled);
        if (end !== null) return end;
        if (spec[at] !== '-g') continue;
        if (takes === 'yes') return null;
        isSure = false;
      }
    }
    return null;
  };
  const end = walk(hook, 0, true, false);
  return { logs, end };
}

function prefixOf(spec: readonly string[]): string {
  const at = spec.findIndex((word) => PREFIXES.includes(word));
  return at < 0 ? '' : (spec[at + 1] ?? '');
}
