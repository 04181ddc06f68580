/** Grants, revocations and passing time -> rules that stand in the firewall. */

import { messageOf } from '../errors.ts';
import { type Firewall, type Opening, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { describeClosed, describeNotOpened, describeOpened, describeStillOpen } from '../words.ts';
import { Closer, type CloserParts } from './closer.ts';
import type { CommandsParts } from './commands.ts';
import { type Grant, idOf, keyOf, type LeaseChange, Leases } from './lease.ts';
import { Mender, type MenderParts } from './mender.ts';
import { hindrance } from './reach.ts';
import { StepWatch } from './step.ts';

/** One door, open for one source. */
export type Lease = Pick<Opening, 'door' | 'source'>;

export interface RulesParts
  extends Pick<CommandsParts, 'now' | 'machine' | 'log'>,
    Pick<CloserParts, 'again'>,
    Pick<MenderParts, 'isEnding'> {
  readonly firewall: Firewall;
}

/** One thing at a time, please: each method is to be called when the one before has resolved. */
export class Rules {
  /** Keeps the chain as it has to be. */
  readonly mender: Mender;
  readonly #parts: RulesParts;
  readonly #leases = new Leases();
  readonly #closer: Closer;
  readonly #steps = new StepWatch();
  #firewall: Firewall;

  constructor(parts: RulesParts) {
    this.#parts = parts;
    this.#firewall = parts.firewall;
    const firewall = (): Firewall => this.#firewall;
    this.#closer = new Closer({ ...parts, firewall });
    this.mender = new Mender({ ...parts, firewall, leases: this.#leases });
  }

  /** What is open. */
  all(): readonly Opening[] {
    return this.#leases.all();
  }

  /** Whether this door is open for this source. */
  holds(door: string, source: Opening['source']): boolean {
    return this.#leases.held(door, source) !== null;
  }

  nextDeadline(): ReturnType<Leases['nextDeadline']> {
    return this.#leases.nextDeadline();
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
    await this.mender.make(this.#firewall);
    await this.#followClock();
    await this.#shut(this.#leases.adopt(await this.#firewall.list(), this.#parts.now()));
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
    const absent = await this.#absent([...kept]);
    const refused = await this.mender.insert([...fresh, ...absent]);
    const failureOf = ({ fresh, held }: (typeof granted)[number]): Error | undefined => {
      const opening = fresh ?? held;
      return opening === null ? undefined : refused.get(opening)?.error;
    };
    // The last first, since what each has taken the place of is what the one before it has made.
    const over = granted.toReversed().flatMap((each) => {
      return failureOf(each) === undefined ? each.changes : this.#leases.undo(each.changes);
    });
    for (const each of granted) {
      const anew = each.fresh ?? absent.find((opening) => opening === each.held) ?? null;
      this.#tell(each.grant, anew, failureOf(each));
    }
    await this.#closer.close(removedBy(over).filter((opening) => !refused.has(opening)));
    return new Set(granted.filter((each) => failureOf(each) === undefined).map(({ grant }) => grant));
  }

  /**
   * Takes these away, and what stands in the chain of them: a door that was opened by hand is closed as well.
   *
   * @returns how many openings there were
   */
  async close(leases: readonly Lease[]): Promise<number> {
    const wanted = new Set(leases.map(({ door, source }) => keyOf(door, source)));
    const revoked = removedBy(leases.flatMap(({ door, source }) => this.#leases.revoke(door, source)));
    const standing = (await this.#listed()).filter(({ door, source }) => wanted.has(keyOf(door, source)));
    const ids = new Set(standing.map(idOf));
    const openings = [...revoked.filter((opening) => !ids.has(idOf(opening))), ...standing];
    await this.#shut(openings.map((opening) => ({ kind: 'remove', opening })));
    return openings.length;
  }

  /** Takes away all that is open, or what of it is wanted. */
  async flush(isWanted: (opening: Opening) => boolean): Promise<void> {
    const open = [...this.#leases.all(), ...(await this.#listed())].filter(isWanted);
    if (open.length > 0) await this.close(open);
  }

  /** Closes what has come to its end. */
  async expire(): Promise<void> {
    await this.#followClock();
    await this.#shut(this.#leases.expire(this.#parts.now()));
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
    this.#firewall = firewall;
    await this.#shut(this.#leases.adopt([...moved.standing, ...moved.added], now()));
    for (const [{ source, door }, error] of await before.remove(moved.added)) {
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
    const changes = stepUs === 0 ? [] : this.#leases.shift(stepUs);
    if (changes.length === 0) return;
    const anew = changes.filter(({ kind }) => kind === 'insert').map(({ opening }) => opening);
    log.warn(`the clock was set by ${seconds(stepUs)}; openings that keep their time: ${anew.length}`);
    const refused = await this.mender.insert(anew);
    for (const [{ source, door }, { error }] of refused) {
      log.error(`${source}: ${door}: does not keep its time: ${error.message}`);
    }
    const isKept = ({ door, source }: Opening): boolean =>
      ![...refused.keys()].some((opening) => opening.door === door && opening.source === source);
    await this.#closer.close(removedBy(changes).filter(isKept));
  }

  async #copyTo(firewall: Firewall): Promise<{ standing: readonly Opening[]; added: readonly Opening[] }> {
    await this.mender.make(firewall);
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
  async #absent(held: readonly Opening[]): Promise<readonly Opening[]> {
    const absent: Opening[] = [];
    for (const opening of held) {
      if (!(await this.#firewall.has(opening).catch(() => false))) absent.push(opening);
    }
    return absent;
  }

  /** Tells of those that no rule could be made of. */
  #possible(grants: readonly Grant[]): readonly Grant[] {
    return grants.filter((grant) => {
      const hindered = hindrance(grant.source, grant.to);
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

  /** Takes rules away, and tells of the doors that this shuts. */
  async #shut(changes: readonly LeaseChange[]): Promise<void> {
    for (const opening of await this.#closer.close(removedBy(changes))) {
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
