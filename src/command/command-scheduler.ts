/** Runs the start command of each opened door, and its stop command in time and once, even if the daemon dies. */

import { randomBytes } from 'node:crypto';
import { familyOf } from '../lib/address.ts';
import { DeadlineTimer } from '../lib/deadline-timer.ts';
import type { MachineClock } from '../lib/machine-clock.ts';
import { within } from '../lib/timeout.ts';
import { type Address, type Micros, US_PER_SECOND } from '../model.ts';
import type { CommandCounts } from '../telemetry/counts.ts';
import {
  type ClaimState,
  claimEnd,
  claimState,
  failureOfStatus,
  preventCommand,
  TIME_LIMIT_MS,
  withAddress,
} from './command.ts';
import { CommandRunner, type Outcome, type RunnerParts, type RunnerSettings } from './command-runner.ts';
import { type Clocks, inherited, ofThisBoot, type PendingStop, PendingStops, saved } from './pending-stop.ts';
import { type Claimed, type StopFolder, StopStore } from './stop-store.ts';

export interface DoorCommands {
  readonly startCommand: string | null;
  /** Replaces the other for IPv6 clients; null if there is one for both. */
  readonly startCommand6: string | null;
  readonly stopCommand: string | null;
  readonly stopCommand6: string | null;
  /** From the end of the start command to the start of the stop command. */
  readonly cmdTimeoutUs: Micros;
}

export interface CommandParts extends RunnerParts {
  /** The wall clock. */
  readonly now: () => Micros;
  readonly machine: MachineClock;
  /** Run all pending stop commands at shutdown instead of leaving them to the next daemon. */
  readonly closeOnExit: boolean;
}

/** What a reload may change. `compat: knockd` runs both commands at each knock; else a second knock postpones the stop. */
export interface CommandSettings extends RunnerSettings {
  /** The configured doors. Stop commands of others run at once. */
  readonly doors: Pick<ReadonlySet<string>, 'has'>;
  /** Where pending stop commands are saved; null for nowhere. */
  readonly stops: StopFolder | null;
}

/** Limits for a flood of knocks at a door with a short sequence. */
const QUEUED_MAX = 1_000;
const PENDING_MAX = 65_536;
/** The first retry of a stop command comes after this time, each further one after twice the time before. */
const FIRST_RETRY_US = US_PER_SECOND;
const RETRIES_MAX = 5;
/** After a reload to a dry run, how often to look whether due stop commands may run again. */
const DRY_RETRY_US = 10 * US_PER_SECOND;
/** How long a shutdown waits for commands. They go on without the daemon. */
const SHUTDOWN_MS = 1_500;

export class CommandScheduler {
  readonly #parts: CommandParts;
  #settings: CommandSettings;
  readonly #runner: CommandRunner;
  readonly #store: StopStore;
  readonly #stops = new PendingStops();
  readonly #timer: DeadlineTimer;
  /** Start commands that wait for their turn. */
  #queued = 0;
  #dropped = 0;
  /** Set at shutdown: whether pending stop commands are left to the next daemon, or run now. */
  #ending: 'leave' | 'run' | null = null;

  constructor(parts: CommandParts, settings: CommandSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#runner = new CommandRunner(parts);
    this.#store = new StopStore(settings.stops, parts.log);
    this.#timer = new DeadlineTimer(
      () => parts.machine.now(),
      () => this.#runDue(),
    );
  }

  get counts(): CommandCounts {
    return { ...this.#runner.counts, pending: this.#stops.scheduled };
  }

  /** Inherits the stop commands of earlier daemons. Never rejects. */
  async resume(): Promise<void> {
    const left = await this.#store.read();
    const clocks = this.#clocks();
    for (const each of left) {
      const stop = inherited(each, clocks);
      if (stop.state === 'starting') {
        this.#stops.set(stop);
        this.#runner.enqueue(stop.door, stop.source, () => this.#resumeStarting(stop));
      } else {
        const isOpen = stop.state === 'waiting' && ofThisBoot(each, clocks) && (await this.#hasStarted(stop));
        this.#stops.set({ ...stop, state: isOpen ? 'open' : stop.state });
      }
    }
    this.#stops.expedite(this.#settings.doors);
    this.#runDue();
  }

  /** Applies another configuration. */
  reconfigure(settings: CommandSettings): void {
    this.#settings = settings;
    void this.#store.moveTo(settings.stops);
    this.#stops.expedite(settings.doors);
    this.#runDue();
  }

  /** Queues the commands of a door that was opened. Without a start command nothing is run, as in knockd. */
  start(door: string, source: Address, commands: DoorCommands): void {
    const { start, stop } = commandsFor(source, commands);
    if (start === null) return;
    if (stop !== null && this.#postpone(door, source, commands.cmdTimeoutUs)) {
      this.#parts.log.info(`${source}: ${door}: already open, stop command postponed`);
      return;
    }
    if (this.#queued >= QUEUED_MAX || this.#stops.scheduled >= PENDING_MAX) {
      this.#dropped++;
      return;
    }
    const pending = stop === null ? null : this.#pending(door, source, stop, commands.cmdTimeoutUs);
    if (pending !== null) this.#stops.set(pending);
    this.#queued++;
    this.#runner.enqueue(door, source, async () => {
      this.#queued--;
      this.#logDropped();
      if (this.#ending !== null) return;
      if (pending === null) await this.#runner.run(start, { door, source, claim: null }, this.#settings);
      else await this.#runStart(start, pending);
    });
  }

  /** Leaves pending stop commands to the next daemon, or runs them now: those that are not saved, or all. */
  async shutdown(): Promise<void> {
    const { closeOnExit, log } = this.#parts;
    this.#ending = closeOnExit ? 'run' : 'leave';
    this.#runDue();
    await within(
      SHUTDOWN_MS,
      this.#runner.idle().then(() => this.#store.idle()),
    );
    this.#queued = 0;
    this.#logDropped();
    const { running } = this.#runner.counts;
    if (running > 0) log.warn(`${count(running, 'command')} still running, not waiting`);
    const { scheduled } = this.#stops;
    if (scheduled > 0) log.info(`${count(scheduled, 'stop command')} pending, will run after restart`);
  }

  #pending(door: string, source: Address, command: string, waitUs: Micros): PendingStop {
    const id = randomBytes(8).toString('hex');
    const dueAt = this.#parts.machine.now() + waitUs;
    const stop = { id, door, source, command, waitUs, dueAt, failures: 0 };
    return { ...stop, state: 'starting', isDry: this.#settings.isDry, isInherited: false };
  }

  /** Postpones the stop command of a door that is open, never to an earlier time. Returns whether it is open. */
  #postpone(door: string, source: Address, waitUs: Micros): boolean {
    if (this.#settings.compat === 'knockd') return false;
    const stop = this.#stops.of(door, source);
    // One that is starting gets its whole time anyway.
    if (stop?.state === 'starting') return true;
    if (stop?.state !== 'open' || (stop.isDry && !this.#settings.isDry)) return false;
    const dueAt = Math.max(stop.dueAt, this.#parts.machine.now() + waitUs);
    this.#schedule({ ...stop, dueAt, waitUs: Math.max(stop.waitUs, waitUs) });
    return true;
  }

  async #runStart(command: string, queued: PendingStop): Promise<void> {
    const { machine } = this.#parts;
    // A reload may have changed this while it was queued.
    const { isDry } = this.#settings;
    const stop = { ...queued, dueAt: machine.now() + queued.waitUs, isDry };
    this.#stops.set(stop);
    if (!isDry) await this.#save(stop);
    const outcome = await this.#run(command, stop, 'start');
    const state = outcome === 'done' ? 'open' : 'waiting';
    this.#schedule({ ...stop, state, dueAt: machine.now() + stop.waitUs });
  }

  /** Finds out what became of a start command that an earlier daemon has begun, and goes on from there. */
  async #resumeStarting(stop: PendingStop): Promise<void> {
    const claim = this.#store.claimOf(stop.id, 'start');
    if (claim === null) return this.#stops.delete(stop.id);
    let found = await claimState(claim);
    if (found === 'unclaimed') found = (await preventCommand(claim)) ? 'prevented' : await claimState(claim);
    // What never begins needs no stop command.
    if (found === 'prevented') return this.#forget(stop);
    const end = await claimEnd(claim, TIME_LIMIT_MS);
    const dueAt = found === 'running' ? this.#parts.machine.now() + stop.waitUs : stop.dueAt;
    this.#schedule({ ...stop, state: hasSucceeded(end) ? 'open' : 'waiting', dueAt });
  }

  async #hasStarted({ id }: PendingStop): Promise<boolean> {
    const claim = this.#store.claimOf(id, 'start');
    return claim !== null && hasSucceeded(await claimState(claim));
  }

  #schedule(stop: PendingStop): void {
    const isKnown = this.#settings.doors.has(stop.door);
    const scheduled = isKnown ? stop : { ...stop, dueAt: 0 };
    this.#stops.set(scheduled);
    if (!stop.isDry) void this.#save(scheduled);
    this.#runDue();
  }

  #runDue(): void {
    const due =
      this.#ending === null
        ? this.#stops.takeDue(this.#parts.machine.now())
        : this.#stops.take(({ id }) => this.#ending === 'run' || !this.#store.holds(id));
    for (const stop of due) this.#runner.enqueue(stop.door, stop.source, () => this.#runStop(stop));
    this.#timer.set(this.#ending === null ? this.#stops.nextDeadline() : null);
  }

  async #runStop(stop: PendingStop): Promise<void> {
    const { isDry } = this.#settings;
    if (this.#ending === 'leave' && this.#store.holds(stop.id)) {
      this.#stops.set({ ...stop, state: 'waiting' });
    } else if (stop.isDry && !isDry) {
      this.#stops.delete(stop.id);
    } else if (isDry && !stop.isDry && this.#ending === null) {
      this.#schedule({ ...stop, state: 'waiting', dueAt: this.#parts.machine.now() + DRY_RETRY_US });
    } else {
      // In the words of knockd.
      this.#parts.log.info(`${stop.source}: ${stop.door}: command timeout`);
      const failure = await this.#tryStop(stop);
      if (failure !== null) await this.#retry(stop, failure);
      // In a dry run it was only logged, and is left to the next daemon.
      else if (isDry) this.#stops.delete(stop.id);
      else await this.#forget(stop);
    }
  }

  /** Runs a stop command unless another daemon has, or waits for that. Returns why it failed, or null. */
  async #tryStop(stop: PendingStop): Promise<string | null> {
    const claim = this.#claimOf(stop, 'stop');
    const end = claim === null ? 'unclaimed' : await claimEnd(claim, TIME_LIMIT_MS);
    if (typeof end === 'object') return failureOfStatus(end.status);
    if (end !== 'unclaimed') await this.#store.release(stop.id, 'stop');
    const outcome = await this.#run(stop.command, stop, 'stop');
    if (outcome === 'taken') return this.#tryStop(stop);
    return outcome === 'done' ? null : outcome.failure;
  }

  async #retry(stop: PendingStop, failure: string): Promise<void> {
    const { log, machine } = this.#parts;
    const who = `${stop.source}: ${stop.door}`;
    const failures = stop.failures + 1;
    const willBeForgotten = this.#ending !== null && !this.#store.holds(stop.id);
    if (failures > RETRIES_MAX || willBeForgotten) {
      const times = failures === 1 ? 'once' : `${failures} times`;
      const command = withAddress(stop.command, stop.source);
      log.error(`${who}: stop command failed ${times} (${failure}), giving up; run it yourself: ${command}`);
      await this.#forget(stop);
      return;
    }
    const waitUs = FIRST_RETRY_US * 2 ** stop.failures;
    const retrying: PendingStop = { ...stop, state: 'retrying', failures, dueAt: machine.now() + waitUs };
    // The failure is on disk before the claim that shows it is removed.
    await this.#save(retrying);
    await this.#store.release(stop.id, 'stop');
    log.warn(
      `${who}: retrying the stop command in ${waitUs / US_PER_SECOND} s (${failures} of ${RETRIES_MAX})`,
    );
    this.#stops.set(retrying);
    // At shutdown one try is enough; the next daemon goes on.
    if (this.#ending === null) this.#runDue();
  }

  /** Nothing is left to do. Inherited claims stay until the next start: commands begun by a dying daemon may need them. */
  async #forget({ id, isInherited }: PendingStop): Promise<void> {
    this.#stops.delete(id);
    await this.#store.delete(id);
    if (isInherited) return;
    for (const what of ['start', 'stop'] as const) await this.#store.release(id, what);
  }

  #run(command: string, stop: PendingStop, what: Claimed): Promise<Outcome> {
    const { door, source } = stop;
    return this.#runner.run(command, { door, source, claim: this.#claimOf(stop, what) }, this.#settings);
  }

  /** Null also where no other daemon will look for the claim. */
  #claimOf({ id }: PendingStop, what: Claimed): string | null {
    return this.#store.holds(id) ? this.#store.claimOf(id, what) : null;
  }

  #save(stop: PendingStop): Promise<boolean> {
    return this.#store.save(saved(stop, this.#clocks()));
  }

  #clocks(): Clocks {
    const { machine, now } = this.#parts;
    return { boot: machine.boot, now: machine.now(), wall: now() };
  }

  #logDropped(): void {
    if (this.#dropped === 0 || this.#queued > 0) return;
    this.#parts.log.warn(`${count(this.#dropped, 'opening')} ran no command: too many commands waiting`);
    this.#dropped = 0;
  }
}

function hasSucceeded(state: ClaimState): boolean {
  return typeof state === 'object' && state.status === 0;
}

/** An empty command counts as none, also where it replaces the other for IPv6. */
function commandsFor(source: Address, commands: DoorCommands) {
  const isIpv6 = familyOf(source) === 6;
  const start = (isIpv6 ? commands.startCommand6 : null) ?? commands.startCommand;
  const stop = (isIpv6 ? commands.stopCommand6 : null) ?? commands.stopCommand;
  return { start: start === '' ? null : start, stop: stop === '' ? null : stop };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
