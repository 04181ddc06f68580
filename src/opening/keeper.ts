/** Doors that were knocked open -> rules and commands, in order, and their ends on time. */

import { type Address, type Firewall, type Opening, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { Alarm } from './alarm.ts';
import { Closer } from './closer.ts';
import { Commands, type CommandsParts, type DoorCommands } from './commands.ts';
import { type Grant, type LeaseChange, Leases, sameOpening } from './lease.ts';

/** What opening a door means. */
export interface DoorAction extends DoorCommands {
  readonly open: Omit<Grant, 'door' | 'source'> | null;
  /** The door whose opening for the same source is taken away. */
  readonly close: string | null;
}

export interface KeeperParts extends CommandsParts {
  readonly doors: Readonly<Record<string, DoorAction>>;
  readonly firewall: Firewall;
}

/** One door, open for one source. */
type Lease = Pick<Opening, 'door' | 'source'>;

/** Openings that may wait for the firewall at once: what a flood of knocks at a door of one step can make. */
const MOST_WAITING = 1_000;

/**
 * Keeps doors open as long as they should be. Firewall changes are made one after the other; commands run
 * beside them. No failure gets out: what goes wrong is logged, and the next knock is served.
 */
export class Keeper {
  readonly #parts: KeeperParts;
  #doors: KeeperParts['doors'];
  #firewall: Firewall;
  readonly #leases = new Leases();
  readonly #commands: Commands;
  readonly #closer: Closer;
  readonly #alarm: Alarm;
  #firewallWork: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** What a batch of traps is to close, while that waits for its turn and nothing was opened since. */
  #trapped: Map<string, Lease> | null = null;
  #turnedAway = 0;
  #isEnding = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#doors = parts.doors;
    this.#firewall = parts.firewall;
    this.#commands = new Commands(parts);
    this.#closer = new Closer({
      firewall: () => this.#firewall,
      log: parts.log,
      again: (work) => {
        if (!this.#isEnding) this.#enqueue(work);
      },
    });
    this.#alarm = new Alarm(parts.now, () =>
      this.#enqueue(() => this.#apply(this.#leases.expire(parts.now()))),
    );
  }

  /**
   * Hooks the chain and takes over the openings that stand in it: removes those that have ended, times the others.
   *
   * @throws KnocktailError when the firewall cannot be had
   */
  async start(): Promise<void> {
    for (const text of await this.#firewall.ensure()) this.#parts.log.info(text);
    await this.#apply(this.#leases.adopt(await this.#firewall.list(), this.#parts.now()));
    this.#setAlarm();
  }

  /** Doors are opened this way from now on. */
  setDoors(doors: KeeperParts['doors']): void {
    this.#doors = doors;
  }

  /** Sees to it that the chain and its jumps stand. Returns at once. */
  ensure(): void {
    this.#enqueue(async () => {
      for (const text of await this.#firewall.ensure()) this.#parts.log.info(text);
    });
  }

  /**
   * Goes over to another firewall, with all that is open.
   *
   * @throws KnocktailError when it cannot be had; the old one then stays
   */
  setFirewall(firewall: Firewall): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#enqueue(() => this.#moveTo(firewall).then(resolve, reject));
    });
  }

  /** Does what opening this door means. Returns at once; where too many wait already, the latest is turned away. */
  opened(door: string, source: Address): void {
    const action = this.#doors[door];
    if (action === undefined) return;
    if (this.#waiting >= MOST_WAITING) {
      this.#turnedAway++;
      return;
    }
    this.#waiting++;
    // What is trapped from here on is closed after this was opened.
    this.#trapped = null;
    this.#enqueue(async () => {
      this.#waiting--;
      this.#tellTurnedAway();
      if (this.#isEnding) return;
      if (action.open !== null && !(await this.#grant(door, source, action.open))) return;
      if (action.close !== null) await this.#close(action.close, source);
      this.#commands.start(door, source, action);
    });
  }

  /**
   * Takes away what a door has opened for a source, as a trap does. Returns at once. Whoever floods a trap makes one
   * piece of work of it, since the chain is listed once for all.
   */
  trapped(door: string, source: Address): void {
    if (this.#isEnding || (this.#doors[door]?.open ?? null) === null) return;
    if (this.#trapped === null) {
      const batch = new Map<string, Lease>();
      this.#trapped = batch;
      this.#enqueue(async () => {
        if (this.#trapped === batch) this.#trapped = null;
        await this.#closeAll([...batch.values()]);
      });
    }
    if (this.#trapped.size < MOST_WAITING) this.#trapped.set(`${door} ${source}`, { door, source });
    else this.#turnedAway++;
  }

  /**
   * Ends in an orderly way: rules stay and end by themselves, stop commands that wait are run now, so that
   * none is lost.
   */
  async shutdown(): Promise<void> {
    this.#isEnding = true;
    this.#alarm.set(null);
    await this.#firewallWork;
    await this.#commands.shutdown();
  }

  async #grant(door: string, source: Address, open: NonNullable<DoorAction['open']>): Promise<boolean> {
    const changes = this.#leases.grant({ door, source, ...open }, this.#parts.now());
    const port = `${open.port}/${open.proto}`;
    const granted = changes.find(({ kind }) => kind === 'insert')?.opening;
    try {
      const opening = granted ?? (await this.#missing(this.#leases.held(door, source)));
      if (opening !== null) await this.#firewall.insert(opening);
    } catch (error) {
      await this.#apply(this.#leases.undo(changes));
      this.#parts.log.error(`${source}: ${door}: ${port} was not opened: ${wordsOf(error)}`);
      return false;
    }
    const end = granted === undefined ? 'as before' : describeEnd(granted);
    this.#parts.log.info(`${source}: ${door}: ${port} is open ${end}`);
    for (const { kind, opening } of changes) if (kind === 'remove') await this.#closer.close(opening);
    return true;
  }

  /** An opening that was held all along, if the chain has it no more: somebody may have flushed it. */
  async #missing(held: Opening | null): Promise<Opening | null> {
    if (held === null) return null;
    return (await this.#firewall.list()).some((standing) => sameOpening(standing, held)) ? null : held;
  }

  async #close(door: string, source: Address): Promise<void> {
    const found = await this.#closeAll([{ door, source }]);
    if (found === 0) this.#parts.log.info(`${source}: ${door}: was not open`);
  }

  /** @returns how many openings there were */
  async #closeAll(leases: readonly Lease[]): Promise<number> {
    const wanted = new Set(leases.map(({ door, source }) => `${door} ${source}`));
    const revoked = leases.flatMap(({ door, source }) => this.#leases.revoke(door, source));
    // The chain is asked too: a door opened by hand, or before a restart, is closed as well.
    const listed = await this.#firewall.list().catch((error: unknown) => {
      this.#parts.log.error(`what stands in the chain is not known: ${wordsOf(error)}`);
      return [];
    });
    const standing = listed.filter(({ door, source }) => wanted.has(`${door} ${source}`));
    const known = revoked.filter(({ opening }) => !standing.some((it) => sameOpening(it, opening)));
    await this.#apply([...known, ...standing.map((opening) => ({ kind: 'remove' as const, opening }))]);
    return revoked.length + standing.length;
  }

  async #moveTo(firewall: Firewall): Promise<void> {
    for (const text of await firewall.ensure()) this.#parts.log.info(text);
    const standing = await firewall.list();
    const moved = this.#leases.all().filter((held) => !standing.some((it) => sameOpening(it, held)));
    for (const opening of moved) await firewall.insert(opening);
    const before = this.#firewall;
    this.#firewall = firewall;
    await this.#apply(this.#leases.adopt([...standing, ...moved], this.#parts.now()));
    for (const opening of moved) {
      await before.remove(opening).catch((error: unknown) => {
        this.#parts.log.error(
          `${opening.source}: ${opening.door}: stays in the old chain: ${wordsOf(error)}`,
        );
      });
    }
  }

  /** Makes changes that no knock waits for, and tells of the doors that they shut. */
  async #apply(changes: readonly LeaseChange[]): Promise<void> {
    for (const { kind, opening } of changes) {
      const { door, source, port, proto } = opening;
      if (kind === 'insert') await this.#firewall.insert(opening);
      else if (await this.#closer.close(opening))
        this.#parts.log.info(`${source}: ${door}: ${port}/${proto} is closed`);
    }
  }

  #tellTurnedAway(): void {
    if (this.#turnedAway === 0 || this.#waiting > 0) return;
    this.#parts.log.warn(`${this.#turnedAway} openings were turned away, as ${MOST_WAITING} were waiting`);
    this.#turnedAway = 0;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#firewallWork = this.#firewallWork
      .then(work)
      .catch((error: unknown) => this.#parts.log.error(wordsOf(error)))
      .then(() => this.#setAlarm());
  }

  #setAlarm(): void {
    if (!this.#isEnding) this.#alarm.set(this.#leases.nextDeadline());
  }
}

function describeEnd({ until }: Opening): string {
  return until === null
    ? 'until it is closed'
    : `until ${new Date((until * US_PER_SECOND) / US_PER_MS).toISOString()}`;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
