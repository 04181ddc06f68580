/** Applies plans to the packet filter of this host. */

import { EXIT, KnocktailError } from '../../errors.ts';
import { settleBinaries } from '../../firewall/backend.ts';
import { lockChains } from '../../firewall/chains-lock.ts';
import { namesLack } from '../../firewall/extension.ts';
import { expectDone, type Failure, Iptables, isHopeless, type Refusal } from '../../firewall/iptables.ts';
import { byChain } from '../../firewall/listing.ts';
import { isTerminal, targetOf } from '../../firewall/target.ts';
import { expectTaken, withTrialChain } from '../../firewall/trial.ts';
import type { Family } from '../../model.ts';
import { LISTENS, LOCAL_HOOK, type Spec } from './chains.ts';
import { chainsToList, type Kernel, type Listing, type Plan, type Settings } from './plan.ts';

/** Ten others at once are done long before. */
const LOCK_MS = 60_000;
/** What is said where the firewall is not, or no longer, as it was listed. */
const STALE: readonly Refusal[] = ['missing', 'chain exists', 'other'];
const MOST_TRIES = 3;

export interface HostFamily {
  readonly family: Family;
  readonly iptables: Iptables;
  readonly listing: Listing;
  readonly kernel: Kernel;
}

/**
 * What stands in the packet filter of each family that this kernel has.
 *
 * @param choice as `firewall.iptables`
 * @param tell hears what is left out
 * @throws KnocktailError 69 when there is no iptables or a hook is missing, 77 when it may not be run
 */
export async function readHost(
  choice: string,
  settings: Settings,
  tell: (text: string) => void,
): Promise<readonly HostFamily[]> {
  const { v4, v6, told } = await settleBinaries(choice, process.env['PATH'] ?? '', settings.chain);
  for (const text of told) tell(text);
  const families: HostFamily[] = [await read(4, new Iptables(v4), settings)];
  requireHooks(families[0]?.listing, settings);
  const iptables = v6 === null ? null : new Iptables(v6);
  const trouble = iptables === null ? 'there is no ip6tables' : await troubleOf(iptables);
  if (iptables === null || trouble !== null) tell(`no packet filter for IPv6 here: ${trouble}`);
  else families.push(await read(6, iptables, settings));
  return families;
}

/**
 * Tries each rule of a plan before anything is made.
 *
 * @param chain that of the openings, after which the one is named in which they are tried
 * @throws KnocktailError 69, which names what this kernel lacks
 */
export async function expectRules({ operations }: Plan, iptables: Iptables, chain: string): Promise<void> {
  const rules = operations.flatMap((operation) => (operation.op === 'insert' ? [operation.spec] : []));
  const kinds = new Map(rules.map((rule) => [matchesOf(rule), rule]));
  if (kinds.size === 0) return;
  await withTrialChain(iptables, chain, async (tries) => {
    for (const spec of kinds.values()) await expectTaken(tries, withoutChain(spec));
  });
}

/** What one rule asks of the kernel, for rules that differ in their values alone. */
function matchesOf(spec: Spec): string {
  const target = isTerminal(spec) ? null : targetOf(spec);
  return spec.filter((word) => word.startsWith('-') || word === target).join(' ');
}

/** The chain that a rule leads to may not be there yet. */
function withoutChain(spec: Spec): Spec {
  return isTerminal(spec) ? [...spec.slice(0, -2), '-j', 'RETURN'] : spec;
}

/**
 * Keeps every other knocktail from changing the chains of this host during the work.
 *
 * @throws KnocktailError 69 where one does not stop doing so
 */
export async function whileLocked<T>(work: () => Promise<T>, limitMs = LOCK_MS): Promise<T> {
  const lock = await lockChains(limitMs);
  if (lock.keptBy !== null)
    throw new KnocktailError(`${lock.keptBy} is still changing the firewall after ${limitMs / 1000} s`, {
      exitCode: EXIT.UNAVAILABLE,
      remedy: 'end it, or find what holds the lock: ss -xlp | grep "knocktail changes"',
    });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Plans, and carries that out. Where something has changed since it was listed, as others change the firewall, too, it
 * plans again.
 *
 * @param done is given the plan that was carried out to its end
 * @throws KnocktailError when an operation fails for another reason, or again; those before it are done
 */
export async function changeRules(
  host: HostFamily,
  settings: Settings,
  planOf: (listing: Listing) => Plan,
  done: (plan: Plan) => void,
): Promise<void> {
  const { family, iptables } = host;
  let { listing } = host;
  for (let tries = 1; ; tries += 1) {
    const plan = planOf(listing);
    await expectRules(plan, iptables, settings.chain);
    const failed = await carryOut(plan, iptables);
    if (failed === null) {
      done(plan);
      return;
    }
    if (tries === MOST_TRIES || !STALE.includes(failed.refusal)) throw failed.error;
    ({ listing } = await read(family, iptables, settings));
  }
}

/** Stops at the first operation that fails. */
async function carryOut({ operations }: Plan, iptables: Iptables): Promise<Failure | null> {
  for (const operation of operations) {
    const answer = await iptables.run(operation);
    if (!answer.done) return answer;
  }
  return null;
}

async function read(family: Family, iptables: Iptables, settings: Settings): Promise<HostFamily> {
  const wanted = chainsToList(settings);
  const kernel = { knowsListeners: await knowsListeners(iptables) };
  const whole = await iptables.run({ op: 'list-all' });
  if (whole.done) {
    const missing = wanted.map((chain) => [chain, null] as const);
    return { family, iptables, listing: new Map([...missing, ...byChain(whole.text)]), kernel };
  }
  const listing = new Map<string, string | null>();
  for (const chain of wanted) {
    const answer = await iptables.run({ op: 'list', chain });
    const isMissing = !answer.done && answer.refusal === 'missing';
    listing.set(chain, isMissing ? null : expectDone(answer));
  }
  return { family, iptables, listing, kernel };
}

/** Asks for a rule, which changes nothing: where the kernel has no such match, iptables answers something else than no. */
export async function knowsListeners(iptables: Iptables): Promise<boolean> {
  const answer = await iptables.run({ op: 'check', chain: LOCAL_HOOK, spec: LISTENS });
  return answer.done || (answer.refusal === 'missing' && !namesLack(answer.error.what));
}

async function troubleOf(iptables: Iptables): Promise<string | null> {
  const answer = await iptables.run({ op: 'list', chain: 'INPUT' });
  return !answer.done && isHopeless(answer.refusal) ? answer.error.message : null;
}

/** Docker has long made its DOCKER-USER for IPv4 alone, so that is where hooks have to be. */
function requireHooks(listing: Listing | undefined, { hooks }: Settings): void {
  const missing = hooks.find((hook) => listing?.get(hook) === null);
  if (missing === undefined) return;
  throw new KnocktailError('there is no such chain', {
    exitCode: EXIT.UNAVAILABLE,
    where: 'iptables',
    value: missing,
    remedy: 'make it first or take it out of firewall.hooks',
  });
}
