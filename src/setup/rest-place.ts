/** The listing of a hook -> where what is about to be dropped comes by. */

import { GOES_ON, targetOf } from '../rule/hook.ts';

type Spec = readonly string[];

const DROPS: ReadonlySet<string> = new Set(['DROP', 'REJECT']);
const ENDS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'QUEUE', 'NFQUEUE']);

/**
 * The rule number behind the last rule that may let a packet in; null where nothing is dropped that no rule has
 * been made for, so that nobody would know what to log.
 *
 * @param policy what becomes of a packet that no rule takes: `DROP`, `ACCEPT`, `-` in a chain of the user's
 */
export function restPlace(rules: readonly Spec[], policy: string): number | null {
  const end = rules.findIndex((spec) => isFor(spec, 0) && ENDS.has(targetOf(spec) ?? ''));
  const reached = end < 0 ? rules : rules.slice(0, end + 1);
  const isDropping = (end < 0 && policy === 'DROP') || reached.some(isCatchAll);
  if (!isDropping) return null;
  return reached.findLastIndex(mayLetIn) + 2;
}

/** What is said of a hook that has no such place. */
export function noRest(hook: string): string {
  return `${hook} lets other ports through, so no port sweep can be told: run this again once it drops them`;
}

/** Whether it drops whatever comes, at least of one protocol. */
function isCatchAll(spec: Spec): boolean {
  const isWide = isFor(spec, 0) || (spec[0] === '-p' && isFor(spec, 2));
  return isWide && DROPS.has(targetOf(spec) ?? '');
}

function mayLetIn(spec: Spec): boolean {
  const target = targetOf(spec);
  return target !== null && !DROPS.has(target) && !GOES_ON.has(target);
}

/** Whether no more than so many words stand before the target. */
function isFor(spec: Spec, words: number): boolean {
  return spec[words] === '-j';
}
