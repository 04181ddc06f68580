/** Carries out completed knocks in order: rules and commands, and their expiry. */

import type { CommandScheduler } from '../command/command-scheduler.ts';
import { messageOf } from '../errors.ts';
import { DeadlineTimer } from '../lib/deadline-timer.ts';
import { within } from '../lib/timeout.ts';
import type { Address, Firewall, Opening } from '../model.ts';
import { Watch } from './chain-monitor.ts';
import { type DoorAction, type Knock, parted } from './knock.ts';
import { type Grant, keyOf } from './lease.ts';
import { type Lease, Rules, type RulesParts } from './rules.ts';

export interface OpeningManagerParts extends Pick<RulesParts, 'firewall' | 'now' | 'machine' | 'log'> {
  readonly doors: ReadonlyMap<string, DoorAction>;
  readonly commands: Pick<CommandScheduler, 'start'>;
  /** All doors are closed at shutdown. */
  readonly closeOnExit: boolean;
}

/** Openings that may wait for the firewall at once: what a flood of knocks at a door of one step can make. */
const MAX_WAITING = 1_000;

/** How long the end of the daemon waits for the firewall: it may be locked; and where all doors are to be closed. */
const SHUTDOWN_MS = 800;
const CLOSING_MS = 10_000;
const ENDING_MS = 300;

/**
 * Keeps doors open as long as they should be. Firewall changes are made one after the other; commands run
 * beside them. No failure gets out: what goes wrong is logged, and the next knock is served.
 */
export class OpeningManager {
  readonly #parts: OpeningManagerParts;
  #doors: OpeningManagerParts['doors'];
  readonly #rules: Rules;
  readonly #commands: OpeningManagerParts['commands'];
  readonly #alarm: DeadlineTimer;
  readonly #watch: Watch;
  #firewallWork: Promise<void> = Promise.resolve();
  /** What a batch of knocks is to open, while that waits for its turn and nothing was trapped since. */
  #knocks: Knock[] | null = null;
  #waiting = 0;
  /** Doors and sources whose knock waits for its turn. */
  readonly #awaited = new Set<string>();
  /** What a batch of traps is to close, while that waits for its turn and nothing was opened since. */
  #trapped: Map<string, Lease> | null = null;
  #turnedAway = 0;
  #willMend = false;
  #willExpire = false;
  #isEnding = false;

  constructor(parts: OpeningManagerParts) {
    this.#parts = parts;
    this.#doors = parts.doors;
    this.#commands = parts.commands;
    this.#rules = new Rules({
      ...parts,
      isEnding: () => this.#isEnding,
      again: (work) => {
        if (!this.#isEnding) this.#enqueue(work);
      },
    });
    this.#alarm = new DeadlineTimer(parts.now, () => this.#expire());
    const { reconciler } = this.#rules;
    this.#watch = new Watch({ look: () => reconciler.look(), check: () => reconciler.check() });
  }

  /**
   * Hooks the chain and takes over the openings that stand in it.
   *
   * @throws KnocktailError when the firewall cannot be had
   */
  async start(): Promise<void> {
    await this.#rules.start();
    this.#setAlarm();
    this.#watch.start();
  }

  /** How many openings each door has. */
  counts(): ReadonlyMap<string, number> {
    const doors = [...this.#doors].filter(([, { open }]) => open !== null);
    const openings = new Map(doors.map(([door]) => [door, 0]));
    for (const { door } of this.#rules.all()) openings.set(door, (openings.get(door) ?? 0) + 1);
    return openings;
  }

  /** Doors are opened this way from now on. */
  setDoors(doors: OpeningManagerParts['doors']): void {
    this.#doors = doors;
  }

  /** Closes what is open and wanted. Returns at once. What is knocked open from here on is opened after this. */
  flush(isWanted: (opening: Opening) => boolean): void {
    this.#flush(() => this.#rules.flush(isWanted));
  }

  /** Closes all that is open. Returns at once. */
  closeAll(): void {
    this.#flush(() => {
      // Said here, so that the log names doors that still wait to be opened before this, as they are closed after it.
      this.#parts.log.info('closing all doors');
      return this.#rules.flush(() => true);
    });
  }

  #flush(work: () => Promise<void>): void {
    this.#knocks = null;
    this.#enqueue(work);
  }

  /** Sees to it that the chain and its jumps stand. Returns at once; what is asked for again meanwhile is done once. */
  ensure(): void {
    if (this.#willMend) return;
    this.#willMend = true;
    this.#enqueue(() => {
      this.#willMend = false;
      return this.#rules.reconciler.mend();
    });
  }

  /**
   * Goes over to another firewall, with all that is open.
   *
   * @throws KnocktailError when it cannot be had; the old one then stays
   */
  setFirewall(firewall: Firewall): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#change(() => this.#rules.moveTo(firewall).then(resolve, reject));
    });
  }

  /** Does what opening this door means. Returns at once; where too many wait already, the latest is turned away. */
  opened(door: string, source: Address): void {
    const action = this.#doors.get(door);
    if (action === undefined) return;
    // What needs no rule need not wait for one.
    if (action.open === null && action.close === null) {
      if (!this.#isEnding) this.#commands.start(door, source, action);
      return;
    }
    if (this.#waiting >= MAX_WAITING) {
      this.#turnedAway++;
      return;
    }
    this.#waiting++;
    // What is trapped from here on is closed after this was opened.
    this.#trapped = null;
    if (this.#knocks === null) {
      const batch: Knock[] = [];
      this.#knocks = batch;
      this.#change(async () => {
        if (this.#knocks === batch) this.#knocks = null;
        this.#waiting -= batch.length;
        this.#tellTurnedAway();
        for (const part of parted(batch)) if (!this.#isEnding) await this.#open(part);
        for (const knock of batch) this.#awaited.delete(keyOf(knock.door, knock.source));
      });
    }
    this.#knocks.push({ door, source, action });
    this.#awaited.add(keyOf(door, source));
  }

  /**
   * Takes away what a door has opened for a source, as a trap does. Returns at once. Whoever floods a trap makes one
   * piece of work of it, since the chain is listed once for all.
   */
  trapped(door: string, source: Address): void {
    if (this.#isEnding || (this.#doors.get(door)?.open ?? null) === null) return;
    this.#knocks = null;
    if (this.#trapped === null) {
      const batch = new Map<string, Lease>();
      this.#trapped = batch;
      this.#change(async () => {
        if (this.#trapped === batch) this.#trapped = null;
        await this.#rules.close([...batch.values()]);
      });
    }
    const key = keyOf(door, source);
    // Beyond that a flood can only be of those for whom nothing is open, unless somebody has opened it by hand.
    if (this.#trapped.size < MAX_WAITING || this.#awaited.has(key) || this.#rules.holds(door, source))
      this.#trapped.set(key, { door, source });
  }

  /** Ends in an orderly way: rules stay and end by themselves. */
  async shutdown(): Promise<void> {
    this.#isEnding = true;
    this.#alarm.set(null);
    this.#watch.end();
    const patienceMs = this.#parts.closeOnExit ? CLOSING_MS : SHUTDOWN_MS;
    if (!(await within(patienceMs, this.#firewallWork)))
      this.#parts.log.warn('the firewall does not answer; what was under way there goes on by itself');
    await within(ENDING_MS, this.#rules.end());
  }

  /** Opens doors with one change to the firewall; then the last of them may close another. */
  async #open(knocks: readonly Knock[]): Promise<void> {
    const grants = new Map<Knock, Grant>();
    for (const knock of knocks) {
      const { door, source, action } = knock;
      if (action.open !== null) grants.set(knock, { door, source, ...action.open });
    }
    const open = await this.#rules.open([...grants.values()]);
    for (const knock of knocks) {
      const { door, source, action } = knock;
      const grant = grants.get(knock);
      if (grant !== undefined && !open.has(grant)) continue;
      if (action.close !== null) await this.#close(action.close, source);
      this.#commands.start(door, source, action);
    }
  }

  async #close(door: string, source: Address): Promise<void> {
    const found = await this.#rules.close([{ door, source }]);
    if (found === 0) this.#parts.log.info(`${door}: was not open for ${source}`, { door, source });
  }

  #tellTurnedAway(): void {
    if (this.#turnedAway === 0 || this.#waiting > 0) return;
    this.#parts.log.warn(`${this.#turnedAway} openings were turned away, as ${MAX_WAITING} were waiting`);
    this.#turnedAway = 0;
  }

  /** Work that changes rules, which is a good time to see whether others have. */
  #change(work: () => Promise<void>): void {
    this.#enqueue(async () => {
      await work().finally(() => {
        if (!this.#isEnding) this.#watch.touch();
      });
    });
  }

  /** One piece of this at a time, so that no second waits ahead of a knock that comes during the first. */
  #expire(): void {
    if (this.#willExpire) return;
    this.#willExpire = true;
    this.#enqueue(async () => {
      await this.#rules.expire().finally(() => {
        this.#willExpire = false;
      });
    });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#firewallWork = this.#firewallWork
      .then(work)
      .catch((error: unknown) => this.#parts.log.error(messageOf(error)))
      .then(() => this.#setAlarm());
  }

  #setAlarm(): void {
    if (!this.#isEnding) this.#alarm.set(this.#rules.nextDeadline());
  }
}
