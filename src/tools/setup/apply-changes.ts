/** Makes changes in the packet filter of this host one by one, and takes them back. */

import { EXIT, KnocktailError } from '../../errors.ts';
import { expectDone, type Iptables } from '../../firewall/iptables.ts';
import { rulesOf } from '../../firewall/listing.ts';
import type { Change } from '../../firewall/operation.ts';
import type { Spec } from './chains.ts';
import { type Made, undoOf } from './undo.ts';

/** The rules of the chains for which changes were planned, as they were then. */
export type Expected = ReadonlyMap<string, readonly Spec[]>;

/**
 * @param made hears of each change right before it is made, as it may be made however this ends
 * @throws KnocktailError 69 where a chain is not as expected, and when a change fails; those before it are made
 */
export async function makeChanges(
  iptables: Iptables,
  changes: readonly Change[],
  expected: Expected,
  made: (change: Made) => void,
): Promise<void> {
  for (const [chain, rules] of expected) {
    const found = rulesOf(expectDone(await iptables.run({ op: 'list', chain })), chain);
    if (JSON.stringify(found) !== JSON.stringify(rules)) throw changedMeanwhile(iptables, chain);
  }
  for (const change of changes) {
    const { chain } = change;
    made({ change, before: rulesOf(expectDone(await iptables.run({ op: 'list', chain })), chain) });
    expectDone(await iptables.run(change));
  }
}

/**
 * Takes changes back, the last first. What others have changed stays; a chain that is gone is passed over.
 *
 * @throws KnocktailError where iptables refuses; done again, it goes on where it ended
 */
export async function takeBack(iptables: Iptables, made: readonly Made[]): Promise<void> {
  for (const each of made.toReversed()) {
    const { chain } = each.change;
    const listed = await iptables.run({ op: 'list', chain });
    if (!listed.done && listed.refusal === 'missing') continue;
    const undo = undoOf(each, rulesOf(expectDone(listed), chain));
    if (undo !== null) expectDone(await iptables.run(undo));
  }
}

function changedMeanwhile({ name }: Iptables, chain: string): KnocktailError {
  return new KnocktailError('somebody has changed the rules meanwhile', {
    exitCode: EXIT.UNAVAILABLE,
    where: `${name} ${chain}`,
    remedy: 'run it again',
  });
}
