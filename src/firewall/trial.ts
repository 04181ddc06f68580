/** Tries rules in a chain that no packet passes, to learn what this kernel takes. */

import { EXIT, KnocktailError } from '../errors.ts';
import { type Extension, extensionsOf, lackOf, lackRemedy } from './extension.ts';
import { type Answer, expectDone, type Iptables, type Refusal } from './iptables.ts';

type Spec = readonly string[];

/** Chain names end at 28 bytes (XT_EXTENSION_MAXNAMELEN with its NUL). */
const CHAIN_NAME_BYTES = 28;
/** Of these nothing can be learnt. */
const TELL_NOTHING: readonly Refusal[] = ['no answer', 'unable', 'no family', 'foreign'];

export type Try = (spec: Spec) => Promise<Answer>;

/**
 * Makes the chain, named after ours, and takes it away when the work is done.
 *
 * @param work asks whether a rule is taken; it does not stay
 */
export async function withTrialChain<T>(
  iptables: Iptables,
  chain: string,
  work: (tries: Try) => Promise<T>,
): Promise<T> {
  const tail = `-try-${process.pid}`;
  const scratch = chain.slice(0, CHAIN_NAME_BYTES - tail.length) + tail;
  const made = await iptables.run({ op: 'new-chain', chain: scratch });
  // One that was killed in the middle has left it there; in a container each start has the same process id.
  if (made.done || made.refusal !== 'chain exists') expectDone(made);
  else expectDone(await iptables.run({ op: 'empty-chain', chain: scratch }));
  try {
    return await work((spec) => iptables.run({ op: 'insert', chain: scratch, at: 1, spec }));
  } finally {
    await iptables.run({ op: 'empty-chain', chain: scratch });
    await iptables.run({ op: 'drop-chain', chain: scratch });
  }
}

/** @throws KnocktailError 69, which names the extension that this kernel lacks, or what iptables said of the rule */
export async function expectTaken(tries: Try, spec: Spec): Promise<void> {
  const answer = await tries(spec);
  if (answer.done) return;
  const missing = TELL_NOTHING.includes(answer.refusal) ? null : await missingOf(tries, spec);
  if (missing === null) throw answer.error;
  throw new KnocktailError(lackOf(missing), {
    exitCode: EXIT.UNAVAILABLE,
    remedy: lackRemedy(missing),
    cause: answer.error,
  });
}

/** Null where no rule is taken at all, or each of its extensions is by itself. */
async function missingOf(tries: Try, spec: Spec): Promise<Extension | null> {
  if (!(await tries(['-j', 'RETURN'])).done) return null;
  for (const extension of extensionsOf(spec)) if (!(await tries(extension.spec)).done) return extension;
  return null;
}
