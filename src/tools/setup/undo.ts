/** Plans how to take back single changes, whatever others have changed in the same chains since. */

import type { Change } from '../../firewall/operation.ts';
import type { Spec } from './chains.ts';

/** A change, and what its chain held right before it. */
export interface Made {
  readonly change: Change;
  readonly before: readonly Spec[];
}

/**
 * What takes the change back; null where nothing is left to take back, as somebody has done it already.
 *
 * A rule that was deleted goes before the first of those that came after it and is still there, or else after the last of those
 * that came before it.
 *
 * @param now what the chain holds
 */
export function undoOf({ change, before }: Made, now: readonly Spec[]): Change | null {
  const { chain, spec } = change;
  const text = JSON.stringify(spec);
  const [earlier, present] = [before, now].map((rules) => rules.map((rule) => JSON.stringify(rule)));
  if (earlier === undefined || present === undefined) return null;
  const count = (rules: readonly string[]): number => rules.filter((rule) => rule === text).length;
  if (change.op === 'insert') return count(present) > count(earlier) ? { op: 'delete', chain, spec } : null;
  if (count(present) >= count(earlier)) return null;
  const index = earlier.indexOf(text);
  const isAsLeft = JSON.stringify(present) === JSON.stringify(earlier.toSpliced(index, 1));
  return { op: 'insert', chain, at: (isAsLeft ? index : placeOf(earlier, index, present)) + 1, spec };
}

/** An index in the rules that are there now. */
function placeOf(before: readonly string[], index: number, now: readonly string[]): number {
  const next = before.slice(index + 1).find((rule) => now.includes(rule));
  if (next !== undefined) return now.indexOf(next);
  const last = before.slice(0, index).findLast((rule) => now.includes(rule));
  return last === undefined ? now.length : now.lastIndexOf(last) + 1;
}
