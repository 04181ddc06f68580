/** Doors that were knocked open -> rules and commands, in order, and their ends on time. */

import { type Address, type Firewall, type Opening, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { Alarm } from './alarm.ts';
import { Commands, type CommandsParts, type DoorCommands } from './commands.ts';
import { type Grant, type LeaseChange, Leases } from './lease.ts';

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

/** Openings that may wait for the firewall at once: what a flood of knocks at a door of one step can make. */
const MOST_WAITING = 1_000;
/** Between the attempts to take away a rule that resists, doubling. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

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
  readonly #alarm: Alarm;
  #firewallWork: Promise<void> = Promise.resolve();
  #waiting = 0;
  #turnedAway = 0;
  #isEnding = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#doors = parts.doors;
    this.#firewall = parts.firewall;
    this.#commands = new Commands(parts);
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

  /** Goes over to another firewall, once that is hooked; what stands in the old one ends by itself. */
  async setFirewall(firewall: Firewall): Promise<void> {
    await this.#firewallWork;
    const before = this.#firewall;
    this.#firewall = firewall;
    try {
      await this.start();
    } catch (error) {
      this.#firewall = before;
      throw error;
    }
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
    this.#enqueue(async () => {
      this.#waiting--;
      this.#tellTurnedAway();
      if (this.#isEnding) return;
      if (action.open !== null && !(await this.#grant(door, source, action.open))) return;
      if (action.close !== null) await this.#close(action.close, source);
      this.#commands.start(door, source, action);
    });
  }

  /** Takes away what a door has opened for a source, as a trap does. Returns at once. */
  trapped(door: string, source: Address): void {
    this.#enqueue(() => this.#close(door, source));
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
    const opening = changes.find(({ kind }) => kind === 'insert')?.opening;
    try {
      if (opening !== undefined) await this.#firewall.insert(opening);
    } catch (error) {
      await this.#apply(this.#leases.undo(changes));
      this.#parts.log.error(`${source}: ${door}: ${port} was not opened: ${wordsOf(error)}`);
      return false;
    }
    const end = opening === undefined ? 'as before' : describeEnd(opening);
    this.#parts.log.info(`${source}: ${door}: ${port} is open ${end}`);
    for (const { kind, opening } of changes) if (kind === 'remove') await this.#remove(opening);
    return true;
  }

  async #close(door: string, source: Address): Promise<void> {
    const revoked = this.#leases.revoke(door, source);
    // The chain is asked too: a door opened by hand, or before a restart, is closed as well.
    const standing = (await this.#firewall.list()).filter((it) => it.door === door && it.source === source);
    const known = revoked.filter(({ opening }) => !standing.some((it) => it.until === opening.until));
    await this.#apply([...known, ...standing.map((opening) => ({ kind: 'remove' as const, opening }))]);
    if (revoked.length + standing.length === 0) this.#parts.log.info(`${source}: ${door}: was not open`);
  }

  /** Makes changes that no knock waits for, and tells of the doors that they shut. */
  async #apply(changes: readonly LeaseChange[]): Promise<void> {
    for (const { kind, opening } of changes) {
      const { door, source, port, proto } = opening;
      if (kind === 'insert') await this.#firewall.insert(opening);
      else if (await this.#remove(opening))
        this.#parts.log.info(`${source}: ${door}: ${port}/${proto} is closed`);
    }
  }

  /** Takes a rule away; one that resists is tried again, since without xt_time nothing else would end it. */
  async #remove(opening: Opening, retryMs = FIRST_RETRY_MS): Promise<boolean> {
    const { door, source, port, proto } = opening;
    try {
      await this.#firewall.remove(opening);
      return true;
    } catch (error) {
      this.#parts.log.error(`${source}: ${door}: ${port}/${proto} was not closed: ${wordsOf(error)}`);
      const again = (): void =>
        this.#enqueue(
          async () => void (await this.#remove(opening, Math.min(retryMs * 2, LONGEST_RETRY_MS))),
        );
      if (!this.#isEnding) setTimeout(again, retryMs).unref();
      return false;
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
