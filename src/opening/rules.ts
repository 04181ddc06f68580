/** Keeps the rules in the firewall in line with what was granted, revoked and has expired. */

import { messageOf } from '../errors.ts';
import type { MachineClock } from '../lib/machine-clock.ts';
import { type Firewall, type Micros, type Opening, US_PER_MS, US_PER_SECOND } from '../model.ts';
import {
  describeClosed,
  describeNotOpened,
  describeOpened,
  describeStillOpen,
} from '../telemetry/messages.ts';
import { ChainReconciler, type ChainReconcilerParts } from './chain-reconciler.ts';
import { ClockStepDetector } from './clock-step-detector.ts';
import { type Grant, idOf, keyOf, type LeaseChange, Leases } from './lease.ts';
import { familyMismatch } from './reach.ts';
import { RemovalRetry, type RemovalRetryParts } from './removal-retry.ts';

/** One door, open for one source. */
export type Lease = Pick<Opening, 'door' | 'source'>;

/** Openings that are over and are removed without further ado. For more, the firewall first gets ready. */
const FEW = 20;
/**
 * A removal that takes as long as this is one from a long chain. The next one waits for so many times as long: a knock that
 * comes during a removal waits for its end, and then fewer than 4 knocks in 100 do. The kernel has ended these rules already.
 */
const LONG_US = 50 * US_PER_MS;
const REST = 25;
const LONGEST_REST_US = 20 * US_PER_SECOND;

/** Rules that are asked for one by one; the chain is listed for more. */
const MOST_ASKED = 4;

export interface RulesParts
  extends Pick<RemovalRetryParts, 'log' | 'again'>,
    Pick<ChainReconcilerParts, 'now' | 'isEnding'> {
  readonly machine: MachineClock;
  readonly firewall: Firewall;
}

/** One thing at a time, please: each method is to be called when the one before has resolved. */
export class Rules {
  /** Keeps the chain as it has to be. */
  readonly reconciler: ChainReconciler;
  readonly #parts: RulesParts;
  readonly #leases = new Leases();
  readonly #removals: RemovalRetry;
  readonly #steps = new ClockStepDetector();
  /** Openings that are over, and whose rules stand in the chain for nothing until it is their turn to be removed. */
  #ended: readonly Opening[] = [];
  #isPreparing = false;
  /** How many of them the firewall is ready to remove at a time; null where it did not get ready. */
  #lot: number | null = null;
  /** None is removed before this moment. */
  #restsUntil: Micros = 0;
  #firewall: Firewall;

  constructor(parts: RulesParts) {
    this.#parts = parts;
    this.#firewall = parts.firewall;
    const firewall = (): Firewall => this.#firewall;
    this.#removals = new RemovalRetry({ ...parts, firewall });
    this.reconciler = new ChainReconciler({ ...parts, firewall, leases: this.#leases });
  }

  /** What is open. */
  all(): readonly Opening[] {
    return this.#leases.all();
  }

  /** Whether this door is open for this source. */
  holds(door: string, source: Opening['source']): boolean {
    return this.#leases.held(door, source) !== null;
  }

  /** When `expire` has something to do next; null for never. */
  nextDeadline(): ReturnType<Leases['nextDeadline']> {
    const next = this.#leases.nextDeadline();
    if (this.#ended.length === 0 || this.#isPreparing) return next;
    return Math.min(this.#restsUntil, next ?? this.#restsUntil);
  }

  /** Resolves when nothing of the firewall is left to run. The rules stay. */
  end(): Promise<void> {
    return this.#firewall.close();
  }

  /**
   * Hooks the chain and takes over the openings that stand in it: removes those that have ended, times the others.
   *
   * @throws KnocktailError when the firewall cannot be had
   */
  async start(): Promise<void> {
    await this.reconciler.make(this.#firewall);
    await this.#followClock();
    await this.#tidy(this.#leases.adopt(await this.#firewall.list(), this.#parts.now()));
  }

  /** Opens all of these at once. Resolves to those that are open now, and tells of each. */
  async open(grants: readonly Grant[]): Promise<ReadonlySet<Grant>> {
    await this.#followClock();
    const now = this.#parts.now();
    const granted = this.#possible(grants).map((grant) => {
      const changes = this.#leases.grant(grant, now);
      const fresh = changes.find(({ kind }) => kind === 'insert')?.opening ?? null;
      return { grant, changes, fresh, held: this.#leases.held(grant.door, grant.source) };
    });
    const fresh = granted.map((each) => each.fresh).filter((opening) => opening !== null);
    const kept = new Set(granted.map(({ held }) => held).filter((opening) => opening !== null));
    for (const opening of fresh) kept.delete(opening);
    const absent = await this.#absent(kept);
    const refused = await this.reconciler.insert([...fresh, ...absent]);
    const failureOf = ({ fresh, held }: (typeof granted)[number]): Error | undefined => {
      const opening = fresh ?? held;
      return opening === null ? undefined : refused.get(opening)?.error;
    };
    // The last first, since what each has taken the place of is what the one before it has made.
    const over = granted.toReversed().flatMap((each) => {
      return failureOf(each) === undefined ? each.changes : this.#leases.undo(each.changes);
    });
    for (const each of granted) {
      const anew = each.fresh ?? (each.held !== null && absent.has(each.held) ? each.held : null);
      this.#tell(each.grant, anew, failureOf(each));
    }
    await this.#removals.close(removedBy(over).filter((opening) => !refused.has(opening)));
    return new Set(granted.filter((each) => failureOf(each) === undefined).map(({ grant }) => grant));
  }

  /**
   * Removes these, and what stands in the chain of them: a door that was opened by hand is closed as well.
   *
   * @returns how many openings there were
   */
  async close(leases: readonly Lease[]): Promise<number> {
    return this.#close(leases, await this.#listed());
  }

  /** Removes all that is open, or what of it is wanted. */
  async flush(isWanted: (opening: Opening) => boolean): Promise<void> {
    const listed = await this.#listed();
    const open = [...this.#leases.all(), ...listed].filter(isWanted);
    if (open.length > 0) await this.#close(open, listed);
  }

  /** Closes what has come to its end: one lot of it, so call this again at `nextDeadline`. */
  async expire(): Promise<void> {
    await this.#followClock();
    await this.#tidy(this.#leases.expire(this.#parts.now()));
  }

  /**
   * Goes over to another firewall, with all that is open.
   *
   * @throws KnocktailError when it cannot be had; the old one then stays
   */
  async moveTo(firewall: Firewall): Promise<void> {
    const { log, now } = this.#parts;
    const moved = await this.#copyTo(firewall).catch(async (error: unknown) => {
      await firewall.close();
      throw error;
    });
    const before = this.#firewall;
    const ids = new Set(moved.standing.map(idOf));
    const isSameKind = firewall.isDry === before.isDry;
    const ended = isSameKind ? this.#ended.filter((opening) => !ids.has(idOf(opening))) : [];
    this.#firewall = firewall;
    this.#ended = [];
    await this.#tidy(this.#leases.adopt([...moved.standing, ...moved.added], now()));
    for (const [{ source, door }, error] of await before.remove([...moved.added, ...ended])) {
      if (error !== null) log.error(`${source}: ${door}: stays in the old chain: ${error.message}`);
    }
    await before.close();
  }

  /**
   * The kernel ends rules by the wall clock. Where that was set, they get other ends: one set back would keep them open,
   * one set forward has shut them.
   */
  async #followClock(): Promise<void> {
    const { machine, now, log } = this.#parts;
    const stepUs = this.#steps.step(now(), machine.now());
    if (stepUs !== 0) this.#restsUntil = 0;
    // A clock that is set back opens again what the kernel had ended.
    if (stepUs < 0) {
      const ended = this.#ended;
      this.#ended = [];
      await this.#shut(ended);
    }
    const changes = stepUs === 0 ? [] : this.#leases.shift(stepUs);
    if (changes.length === 0) return;
    const anew = changes.filter(({ kind }) => kind === 'insert').map(({ opening }) => opening);
    log.warn(`the clock was set by ${seconds(stepUs)}; openings that keep their time: ${anew.length}`);
    const refused = await this.reconciler.insert(anew);
    for (const [{ source, door }, { error }] of refused) {
      log.error(`${source}: ${door}: does not keep its time: ${error.message}`);
    }
    const unkept = new Set([...refused.keys()].map(({ door, source }) => keyOf(door, source)));
    const replaced = removedBy(changes).filter(({ door, source }) => !unkept.has(keyOf(door, source)));
    await this.#removals.close(replaced);
  }

  async #copyTo(firewall: Firewall): Promise<{ standing: readonly Opening[]; added: readonly Opening[] }> {
    await this.reconciler.make(firewall);
    const standing = await firewall.list();
    const ids = new Set(standing.map(idOf));
    // What was rehearsed opens nothing, and a rehearsal closes nothing.
    if (firewall.isDry !== this.#firewall.isDry) {
      const left = this.#leases.all().length;
      if (left > 0) this.#parts.log.info(`openings left to themselves, as backend: is another: ${left}`);
      return { standing, added: [] };
    }
    const added = this.#leases.all().filter((held) => !ids.has(idOf(held)));
    const refused = await firewall.insert(added);
    for (const { error } of refused.values()) {
      await firewall.remove(added.filter((opening) => !refused.has(opening)));
      throw error;
    }
    return { standing, added };
  }

  /** What stands in the chain; nothing where that cannot be told. */
  async #listed(): Promise<readonly Opening[]> {
    return this.#firewall.list().catch((error: unknown) => {
      this.#parts.log.error(`what stands in the chain is not known: ${messageOf(error)}`);
      return [];
    });
  }

  /** Those that the chain has no more though they are held: somebody may have flushed it. */
  async #absent(held: ReadonlySet<Opening>): Promise<ReadonlySet<Opening>> {
    if (held.size > MOST_ASKED) {
      const ids = new Set((await this.#listed()).map(idOf));
      return new Set([...held].filter((opening) => !ids.has(idOf(opening))));
    }
    const absent = new Set<Opening>();
    for (const opening of held) {
      if (!(await this.#firewall.has(opening).catch(() => false))) absent.add(opening);
    }
    return absent;
  }

  /** Tells of those that no rule could be made of. */
  #possible(grants: readonly Grant[]): readonly Grant[] {
    return grants.filter((grant) => {
      const hindered = familyMismatch(grant.source, grant.to);
      if (hindered !== null) this.#tell(grant, null, hindered);
      return hindered === null;
    });
  }

  #tell(grant: Grant, anew: Opening | null, error: Error | undefined): void {
    const { source, door, port, proto, forUs } = grant;
    const { log, now } = this.#parts;
    const facts = { door, source, port, proto };
    const opened = { event: 'opened', ...facts };
    if (error !== undefined) {
      log.error(`${door}: ${describeNotOpened(grant, error.message)}`, { event: 'refused', ...facts });
    } else if (anew === null) {
      const held = this.#leases.held(door, source);
      if (held !== null) log.info(`${door}: ${describeStillOpen(held, now())}`, opened);
    } else {
      // One that is put back may be open for longer than this knock asks for.
      const isAsked =
        anew.until === null || forUs === null || anew.until * US_PER_SECOND - forUs - now() < US_PER_SECOND;
      const text = describeOpened(anew, isAsked ? forUs : null, now());
      log.info(`${door}: ${text}`, { ...opened, until: endOf(anew) });
    }
  }

  async #close(leases: readonly Lease[], listed: readonly Opening[]): Promise<number> {
    const wanted = new Set(leases.map(({ door, source }) => keyOf(door, source)));
    const revoked = removedBy(leases.flatMap(({ door, source }) => this.#leases.revoke(door, source)));
    const standing = listed.filter(({ door, source }) => wanted.has(keyOf(door, source)));
    const ids = new Set(standing.map(idOf));
    this.#ended = this.#ended.filter((opening) => !ids.has(idOf(opening)));
    const openings = [...revoked.filter((opening) => !ids.has(idOf(opening))), ...standing];
    await this.#shut(openings);
    return openings.length;
  }

  /**
   * Removes one lot of what is over. Where that is much, the firewall first gets ready for it beside all else, which knocks
   * do not wait for.
   */
  async #tidy(changes: readonly LeaseChange[]): Promise<void> {
    this.#ended = [...this.#ended, ...removedBy(changes)];
    if (this.#isPreparing || this.#parts.now() < this.#restsUntil) return;
    if (this.#ended.length > FEW && this.#lot === null) this.#prepare();
    else await this.#removeLot();
  }

  #prepare(): void {
    this.#isPreparing = true;
    const go = (lot: number): void => {
      this.#parts.again(async () => {
        this.#isPreparing = false;
        this.#lot = lot;
        await this.#removeLot();
      });
    };
    this.#firewall.prepareRemoval().then(go, () => go(FEW));
  }

  async #removeLot(): Promise<void> {
    const { now, machine } = this.#parts;
    const size = this.#lot ?? FEW;
    const lot = this.#ended.slice(0, size);
    this.#ended = this.#ended.slice(size);
    if (this.#ended.length === 0) this.#lot = null;
    const begun = machine.now();
    await this.#shut(lot);
    const tookUs = machine.now() - begun;
    // Without xt_time the removal is what ends them.
    if (tookUs < LONG_US || !this.#firewall.hasTime) return;
    this.#restsUntil = now() + Math.min(tookUs * REST, LONGEST_REST_US);
  }

  /** Removes rules, and logs the doors that this shuts. */
  async #shut(openings: readonly Opening[]): Promise<void> {
    for (const opening of await this.#removals.close(openings)) {
      const { source, door, port, proto } = opening;
      const facts = { event: 'closed', door, source, port, proto };
      this.#parts.log.info(`${door}: ${describeClosed(opening, this.#parts.now())}`, facts);
    }
  }
}

function removedBy(changes: readonly LeaseChange[]): readonly Opening[] {
  return changes.filter(({ kind }) => kind === 'remove').map(({ opening }) => opening);
}

function seconds(us: number): string {
  return `${us > 0 ? '+' : ''}${(us / US_PER_SECOND).toFixed(1)} s`;
}

function endOf({ until }: Opening): string | null {
  return until === null ? null : new Date((until * US_PER_SECOND) / US_PER_MS).toISOString();
}
