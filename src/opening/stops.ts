/** Start commands that ran -> their stop commands, each in its time and once, whatever becomes of the daemon. */

import { randomBytes } from 'node:crypto';
import { type Address, type Micros, US_PER_SECOND } from '../model.ts';
import { Alarm } from './alarm.ts';
import { endOf, leftBy, prevent } from './claim.ts';
import { TIME_LIMIT_MS } from './command.ts';
import type { StopJournal } from './journal.ts';
import type { Runner, RunnerParts } from './runner.ts';
import { type Clocks, type PendingStop, StopSchedule, saved, takenOver } from './stop.ts';
import { statusFailure } from './told.ts';
import type { MachineClock } from './uptime.ts';

/** The doors that there are, by name. */
export type KnownDoors = Pick<ReadonlySet<string>, 'has'>;

export interface StopsParts extends Pick<RunnerParts, 'isDry' | 'log'> {
  /** The wall clock. */
  readonly now: () => Micros;
  readonly machine: MachineClock;
  readonly journal: StopJournal;
}

/** Between the first failure and the second try, doubling. */
const FIRST_RETRY_US = US_PER_SECOND;
const MOST_RETRIES = 5;
/** A dry run that a reload has brought leaves what is due to its end. */
const DRY_WAIT_US = 10 * US_PER_SECOND;

export class Stops {
  readonly #parts: StopsParts;
  readonly #runner: Runner;
  readonly #schedule = new StopSchedule();
  readonly #alarm: Alarm;
  /** Those whose start command was only told. */
  readonly #paper = new Set<string>();
  /** Those whose start command is known to have done what it was to do, and whose stop command has not begun. */
  readonly #open = new Set<string>();
  /** Those of other daemons. */
  readonly #inherited = new Set<string>();
  #doors: KnownDoors = new Set();
  #end: 'leave' | 'run' | null = null;

  constructor(parts: StopsParts, runner: Runner) {
    this.#parts = parts;
    this.#runner = runner;
    this.#alarm = new Alarm(
      () => parts.machine.now(),
      () => this.#runDue(),
    );
  }

  /** How many wait. */
  get size(): number {
    return this.#schedule.size;
  }

  /** Takes note that a stop command is owed: on disk when this resolves, before the start command runs. */
  async owe(door: string, source: Address, command: string, waitUs: Micros): Promise<PendingStop> {
    const dueAt = this.#parts.machine.now() + waitUs;
    const id = randomBytes(8).toString('hex');
    const stop = { id, door, source, command, waitUs, dueAt, isStarting: true, failures: 0 };
    if (this.#parts.isDry()) this.#paper.add(id);
    else await this.#keep(stop);
    return stop;
  }

  /** A claim by which the next daemon knows what became of a command; null where it will not hear of it. */
  claimOf({ id }: PendingStop, what: 'start' | 'stop'): string | null {
    const { journal } = this.#parts;
    return journal.holds(id) ? journal.claimOf(id, what) : null;
  }

  /** The start command has ended, with or without success, and the time until the stop command begins. */
  wait(stop: PendingStop, isOpen: boolean): void {
    if (isOpen) this.#open.add(stop.id);
    this.#waitUntil({ ...stop, isStarting: false }, this.#parts.machine.now() + stop.waitUs);
  }

  /**
   * Lets what waits for this door and source wait longer; never shorter. Returns false where nothing does, or where the
   * door may not be open all the same: then it is to be opened again, and each start command has its stop command.
   */
  extend(door: string, source: Address, waitUs: Micros): boolean {
    const waiting = this.#schedule.of(door, source);
    if (waiting === null || !this.#open.has(waiting.id)) return false;
    if (this.#paper.has(waiting.id) && !this.#parts.isDry()) return false;
    const dueAt = Math.max(waiting.dueAt, this.#parts.machine.now() + waitUs);
    this.#waitUntil({ ...waiting, waitUs: Math.max(waiting.waitUs, waitUs), failures: 0 }, dueAt);
    return true;
  }

  /** Takes over what other daemons have left; what is overdue runs at once. */
  async resume(starting: (stop: PendingStop) => void): Promise<void> {
    for (const each of await this.#parts.journal.read()) {
      const stop = takenOver(each, this.#clocks());
      this.#inherited.add(stop.id);
      if (each.boot === this.#parts.machine.boot && (await this.#hasOpened(stop))) this.#open.add(stop.id);
      if (stop.isStarting) starting(stop);
      else this.#schedule.add(this.#isWanted(stop) ? stop : { ...stop, dueAt: 0 });
    }
    this.#runDue();
  }

  /** What waits for a door that is not among these runs now. */
  setDoors(doors: KnownDoors): void {
    this.#doors = doors;
    for (const stop of this.#schedule.all())
      if (!this.#isWanted(stop)) this.#schedule.add({ ...stop, dueAt: 0 });
    this.#runDue();
  }

  /** Finds out what became of a start command that another daemon has begun, and goes on from there. */
  async settle(stop: PendingStop): Promise<void> {
    const { journal } = this.#parts;
    const claim = journal.claimOf(stop.id, 'start');
    if (claim === null) return;
    let left = await leftBy(claim);
    if (left === 'none' && (await prevent(claim))) {
      // Nothing was started, and nothing will be: there is nothing to stop.
      await this.#drop(stop);
      return;
    }
    if (left === 'none') left = await leftBy(claim);
    if (left === 'running') {
      const end = await endOf(claim, TIME_LIMIT_MS);
      this.wait(stop, typeof end === 'object' && end.status === 0);
    } else this.#waitUntil({ ...stop, isStarting: false }, stop.dueAt);
  }

  /** From now on stop commands run no more, but for those of which the next daemon will not know; or all run at once. */
  end(how: 'leave' | 'run'): void {
    this.#end = how;
    this.#alarm.set(null);
    this.#runDue();
  }

  /** Whether its start command has ended well, and its stop command never begun. */
  async #hasOpened({ id, isStarting, failures }: PendingStop): Promise<boolean> {
    const claim = this.#parts.journal.claimOf(id, 'start');
    if (claim === null || isStarting || failures > 0) return false;
    const left = await leftBy(claim);
    return typeof left === 'object' && left.status === 0;
  }

  #waitUntil(stop: PendingStop, dueAt: Micros): void {
    const waiting = { ...stop, dueAt: this.#isWanted(stop) ? dueAt : 0 };
    this.#schedule.add(waiting);
    if (!this.#paper.has(stop.id)) void this.#keep(waiting);
    this.#runDue();
  }

  #runDue(): void {
    const { journal, machine } = this.#parts;
    const due =
      this.#end === null
        ? this.#schedule.due(machine.now())
        : this.#schedule.take(({ id }) => this.#end === 'run' || !journal.holds(id));
    for (const stop of due) this.#runner.inTurn(stop.door, stop.source, () => this.#run(stop));
    if (this.#end === null) this.#alarm.set(this.#schedule.nextDeadline());
  }

  #isWanted({ door }: PendingStop): boolean {
    return this.#doors.has(door);
  }

  async #run(stop: PendingStop): Promise<void> {
    const { journal, isDry, log } = this.#parts;
    const isPaper = this.#paper.delete(stop.id);
    this.#open.delete(stop.id);
    if (this.#end === 'leave' && journal.holds(stop.id)) {
      this.#schedule.add(stop);
      return;
    }
    if (isPaper && !isDry()) return;
    if (!isPaper && isDry() && this.#end === null) {
      this.#waitUntil(stop, this.#parts.machine.now() + DRY_WAIT_US);
      return;
    }
    log.info(`${stop.source}: ${stop.door}: command timeout`);
    const failure = await this.#attempt(stop);
    if (failure !== null) await this.#retry(stop, failure);
    else if (!isPaper && !isDry()) await this.#drop(stop);
  }

  /** Runs it, unless another daemon has, or does. Resolves to why it failed. */
  async #attempt(stop: PendingStop): Promise<string | null> {
    const claim = this.claimOf(stop, 'stop');
    const left = claim === null ? 'none' : await endOf(claim, TIME_LIMIT_MS);
    if (typeof left === 'object') return left.status === 0 ? null : statusFailure(left.status);
    if (left === 'cut off') await this.#parts.journal.release(stop.id, 'stop');
    const { door, source, command } = stop;
    const { failure, isTaken } = await this.#runner.run(command, { door, source, claim });
    return isTaken ? this.#attempt(stop) : failure;
  }

  async #retry(stop: PendingStop, failure: string): Promise<void> {
    const { log, journal, machine } = this.#parts;
    const who = `${stop.source}: ${stop.door}`;
    const failures = stop.failures + 1;
    const isLast = failures > MOST_RETRIES || (this.#end !== null && !journal.holds(stop.id));
    if (isLast) {
      log.error(`${who}: given up: the stop command failed ${failures} times (${failure}), run it by hand`);
      await this.#drop(stop);
      return;
    }
    const waitUs = FIRST_RETRY_US * 2 ** stop.failures;
    const again = { ...stop, failures, dueAt: machine.now() + waitUs };
    // What has failed is on disk before the claim goes that says so.
    await this.#keep(again);
    await journal.release(stop.id, 'stop');
    log.warn(
      `${who}: the stop command runs again in ${waitUs / US_PER_SECOND} s (${failures} of ${MOST_RETRIES})`,
    );
    this.#schedule.add(again);
    // At the end once is enough, the next daemon goes on.
    if (this.#end === null) this.#runDue();
  }

  /** The claims of a daemon that has died stay until the next start: what it has begun last may be yet to see them. */
  async #drop({ id }: PendingStop): Promise<void> {
    const { journal } = this.#parts;
    await journal.drop(id);
    if (this.#inherited.delete(id)) return;
    for (const what of ['start', 'stop'] as const) await journal.release(id, what);
  }

  #keep(stop: PendingStop): Promise<boolean> {
    return this.#parts.journal.keep(saved(stop, this.#clocks()));
  }

  #clocks(): Clocks {
    const { machine, now } = this.#parts;
    return { boot: machine.boot, now: machine.now(), wall: now() };
  }
}
