/** Doors that were opened -> their commands, run beside each other, each stop command in its time. */

import { familyOf } from '../address.ts';
import type { CommandCounts } from '../counts.ts';
import type { Address, Micros } from '../model.ts';
import { keyOf } from './lease.ts';
import { Runner, type RunnerParts } from './runner.ts';
import type { PendingStop } from './stop.ts';
import { type KnownDoors, Stops, type StopsParts } from './stops.ts';
import type { OpeningSwitches } from './switches.ts';
import { within } from './within.ts';

export interface DoorCommands {
  readonly startCommand: string | null;
  /** In place of the other for an IPv6 source; null when the same will do. */
  readonly startCommand6: string | null;
  readonly stopCommand: string | null;
  readonly stopCommand6: string | null;
  /** From the end of the start command to the start of the stop command. */
  readonly cmdTimeoutUs: number;
}

export interface CommandsParts extends RunnerParts, StopsParts {
  readonly switches: () => OpeningSwitches;
  /** At its end the daemon runs the stop commands that wait, instead of leaving them to the next. */
  readonly closeOnExit: boolean;
}

/** What a flood at a door of one step can make: start commands that wait for their turn, and stop commands. */
const MOST_WAITING = 1_000;
const MOST_OPEN = 65_536;
/** How long the end of the daemon waits for commands; they go on without it. */
const SHUTDOWN_MS = 1_500;

export class Commands {
  readonly #parts: CommandsParts;
  readonly #runner: Runner;
  readonly #stops: Stops;
  /** Doors and sources whose start command runs or waits for its turn, and will be followed by a stop command. */
  readonly #starting = new Set<string>();
  #waiting = 0;
  #turnedAway = 0;
  #isEnding = false;

  constructor(parts: CommandsParts) {
    this.#parts = parts;
    this.#runner = new Runner(parts);
    this.#stops = new Stops(parts, this.#runner);
  }

  get counts(): CommandCounts {
    return { ...this.#runner.counts, pending: this.#stops.size };
  }

  /** Takes over the stop commands that other daemons have left. Never rejects. */
  async resume(doors: KnownDoors): Promise<void> {
    this.#stops.setDoors(doors);
    await this.#stops.resume((stop) => this.#settle(stop));
  }

  /** These are the doors now. Stop commands of others run at once. */
  setDoors(doors: KnownDoors): void {
    this.#stops.setDoors(doors);
  }

  /** Returns at once. Without a start command there is nothing to run, as in knockd. */
  start(door: string, source: Address, commands: DoorCommands): void {
    const { start, stop } = commandsFor(source, commands);
    if (start === null) return;
    const key = keyOf(door, source);
    if (stop !== null && this.#parts.switches().secondKnock === 'moves-the-stop') {
      // What is starting now has its whole time before it.
      if (this.#starting.has(key) || this.#stops.extend(door, source, commands.cmdTimeoutUs)) {
        this.#parts.log.info(`${source}: ${door}: is open already, its stop command comes later`);
        return;
      }
    }
    if (this.#waiting >= MOST_WAITING || this.#stops.size >= MOST_OPEN) {
      this.#turnedAway++;
      return;
    }
    this.#waiting++;
    if (stop !== null) this.#starting.add(key);
    this.#runner.inTurn(door, source, async () => {
      this.#waiting--;
      this.#tellTurnedAway();
      if (this.#isEnding) return;
      if (stop === null) await this.#runner.run(start, { door, source, claim: null });
      else await this.#open(door, source, start, stop, commands.cmdTimeoutUs);
    });
  }

  /**
   * Leaves the stop commands that wait to the next daemon, or runs them at once: all with `closeOnExit`, else those that
   * could not be saved. Waits for what runs, though not for long.
   */
  async shutdown(): Promise<void> {
    this.#isEnding = true;
    this.#stops.end(this.#parts.closeOnExit ? 'run' : 'leave');
    await within(
      SHUTDOWN_MS,
      this.#runner.idle().then(() => this.#parts.journal.idle()),
    );
    this.#waiting = 0;
    this.#tellTurnedAway();
    const { running } = this.#runner;
    if (running > 0) this.#parts.log.warn(`commands still running: ${running}; they go on by themselves`);
    const { size } = this.#stops;
    if (size > 0) this.#parts.log.info(`stop commands left to the next start: ${size}`);
  }

  async #open(door: string, source: Address, start: string, stop: string, waitUs: Micros): Promise<void> {
    const owed = await this.#stops.owe(door, source, stop, waitUs);
    const { failure } = await this.#runner.run(start, {
      door,
      source,
      claim: this.#stops.claimOf(owed, 'start'),
    });
    this.#starting.delete(keyOf(door, source));
    this.#stops.wait(owed, failure === null);
  }

  #settle(stop: PendingStop): void {
    const key = keyOf(stop.door, stop.source);
    this.#starting.add(key);
    this.#runner.inTurn(stop.door, stop.source, () =>
      this.#stops.settle(stop).finally(() => this.#starting.delete(key)),
    );
  }

  #tellTurnedAway(): void {
    if (this.#turnedAway === 0 || this.#waiting > 0) return;
    this.#parts.log.warn(`${this.#turnedAway} openings ran no command, as too many were waiting`);
    this.#turnedAway = 0;
  }
}

/** An empty command is none, also where it stands in place of the other. */
function commandsFor(source: Address, commands: DoorCommands) {
  const isIpv6 = familyOf(source) === 6;
  const start = (isIpv6 ? commands.startCommand6 : null) ?? commands.startCommand;
  const stop = (isIpv6 ? commands.stopCommand6 : null) ?? commands.stopCommand;
  return { start: start === '' ? null : start, stop: stop === '' ? null : stop };
}
