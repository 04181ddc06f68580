/** Doors that were knocked open -> rules and commands, in order, and their ends on time. */

import {
  type Address,
  type Firewall,
  type Micros,
  type Opening,
  US_PER_MS,
  US_PER_SECOND,
} from '../model.ts';
import type { CommandResult, runCommand } from './command.ts';
import { type Grant, type LeaseChange, Leases } from './lease.ts';
import { type PendingStop, StopSchedule } from './stop.ts';

/** What opening a door means. */
export interface DoorAction {
  readonly open: Omit<Grant, 'door' | 'source'> | null;
  /** The door whose opening for the same source is taken away. */
  readonly close: string | null;
  readonly startCommand: string | null;
  readonly stopCommand: string | null;
  readonly cmdTimeoutUs: number;
}

export interface KeeperParts {
  readonly doors: Readonly<Record<string, DoorAction>>;
  readonly firewall: Firewall;
  readonly run: typeof runCommand;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
}

/** The longest wait that a timer of Node can hold; a longer one is waited for in parts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long the end of the daemon waits for commands. */
const SHUTDOWN_MS = 2_000;
/** Between the attempts to take away a rule that resists, doubling. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Keeps doors open as long as they should be. Firewall changes are made one after the other; commands run
 * beside them. No failure gets out: what goes wrong is logged, and the next knock is served.
 */
export class Keeper {
  readonly #parts: KeeperParts;
  readonly #leases = new Leases();
  readonly #stops = new StopSchedule();
  readonly #running = new Set<Promise<void>>();
  #firewallWork: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #ending = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Takes over the openings that stand in the firewall: removes those that have ended, times the others. */
  async start(): Promise<void> {
    const openings = await this.#parts.firewall.list();
    await this.#apply(this.#leases.adopt(openings, this.#parts.now()));
    this.#setTimer();
  }

  /** Does what opening this door means. Returns at once. */
  opened(door: string, source: Address): void {
    const action = this.#parts.doors[door];
    if (action === undefined) return;
    this.#enqueue(async () => {
      if (action.open !== null && !(await this.#grant(door, source, action.open))) return;
      if (action.close !== null) await this.#close(action.close, source);
      if (action.startCommand !== null) this.#track(this.#start(door, source, action));
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
    this.#ending = true;
    clearTimeout(this.#timer);
    await this.#firewallWork;
    for (const stop of this.#stops.due(Number.POSITIVE_INFINITY)) this.#track(this.#stop(stop));
    const limit = new AbortController();
    const tooLate = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SHUTDOWN_MS);
      limit.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    await Promise.race([this.#idle(), tooLate]);
    limit.abort();
    if (this.#running.size > 0) {
      this.#parts.log.warn(
        `commands still running: ${this.#running.size}; what was to follow them is not run`,
      );
    }
  }

  async #grant(door: string, source: Address, open: NonNullable<DoorAction['open']>): Promise<boolean> {
    const changes = this.#leases.grant({ door, source, ...open }, this.#parts.now());
    const port = `${open.port}/${open.proto}`;
    const opening = changes.find(({ kind }) => kind === 'insert')?.opening;
    try {
      if (opening !== undefined) await this.#parts.firewall.insert(opening);
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
    const standing = (await this.#parts.firewall.list()).filter(
      (it) => it.door === door && it.source === source,
    );
    const known = revoked.filter(({ opening }) => !standing.some((it) => it.until === opening.until));
    await this.#apply([...known, ...standing.map((opening) => ({ kind: 'remove' as const, opening }))]);
    if (revoked.length + standing.length === 0) this.#parts.log.info(`${source}: ${door}: was not open`);
  }

  async #start(door: string, source: Address, action: DoorAction): Promise<void> {
    if (action.startCommand === null) return;
    await this.#run(door, source, action.startCommand);
    if (action.stopCommand === null) return;
    const stop = {
      door,
      source,
      command: action.stopCommand,
      dueAt: this.#parts.now() + action.cmdTimeoutUs,
    };
    if (this.#ending) {
      await this.#stop(stop);
    } else {
      this.#stops.add(stop);
      this.#setTimer();
    }
  }

  async #stop({ door, source, command }: PendingStop): Promise<void> {
    this.#parts.log.info(`${source}: ${door}: command timeout`);
    await this.#run(door, source, command);
  }

  async #run(door: string, source: Address, command: string): Promise<void> {
    const { log, run } = this.#parts;
    const result = await run(command, { door, source });
    for (const line of result.output.split('\n').filter((text) => text !== '')) {
      log.info(`${source}: ${door}: command says: ${line}`);
    }
    if (result.unshown > 0) log.info(`${source}: ${door}: command says ${result.unshown} bytes more`);
    const failure = failureOf(result);
    if (failure !== null) log.warn(`${source}: ${door}: ${failure}`);
  }

  /** Makes changes that no knock waits for, and tells of the doors that they shut. */
  async #apply(changes: readonly LeaseChange[]): Promise<void> {
    for (const { kind, opening } of changes) {
      const { door, source, port, proto } = opening;
      if (kind === 'insert') await this.#parts.firewall.insert(opening);
      else if (await this.#remove(opening))
        this.#parts.log.info(`${source}: ${door}: ${port}/${proto} is closed`);
    }
  }

  /** Takes a rule away; one that resists is tried again, since without xt_time nothing else would end it. */
  async #remove(opening: Opening, retryMs = FIRST_RETRY_MS): Promise<boolean> {
    const { door, source, port, proto } = opening;
    try {
      await this.#parts.firewall.remove(opening);
      return true;
    } catch (error) {
      this.#parts.log.error(`${source}: ${door}: ${port}/${proto} was not closed: ${wordsOf(error)}`);
      const again = (): void =>
        this.#enqueue(
          async () => void (await this.#remove(opening, Math.min(retryMs * 2, LONGEST_RETRY_MS))),
        );
      if (!this.#ending) setTimeout(again, retryMs).unref();
      return false;
    }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#firewallWork = this.#firewallWork
      .then(work)
      .catch((error: unknown) => this.#parts.log.error(wordsOf(error)))
      .then(() => this.#setTimer());
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#parts.log.error(wordsOf(error)))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    if (this.#ending) return;
    const next = Math.min(this.#leases.nextDeadline() ?? Infinity, this.#stops.nextDeadline() ?? Infinity);
    if (next === Infinity) return;
    const waitMs = Math.ceil((next - this.#parts.now()) / US_PER_MS);
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(waitMs, 0), LONGEST_TIMER_MS));
  }

  #wake(): void {
    const now = this.#parts.now();
    for (const stop of this.#stops.due(now)) this.#track(this.#stop(stop));
    this.#enqueue(() => this.#apply(this.#leases.expire(now)));
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

function failureOf({ error, timedOut, signal, status }: CommandResult): string | null {
  if (error !== null) return `command did not run: ${error}`;
  if (timedOut) return 'command ran out of time and was ended';
  if (signal !== null) return `command was ended by ${signal}`;
  return status === 0 ? null : `command returned non-zero status code (${status})`;
}
