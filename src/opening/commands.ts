/** Doors that were opened -> their commands, run beside each other, each stop command in its time. */

import type { Address, Micros } from '../model.ts';
import { Alarm } from './alarm.ts';
import type { CommandResult, runCommand } from './command.ts';
import { type PendingStop, StopSchedule } from './stop.ts';

export interface DoorCommands {
  readonly startCommand: string | null;
  readonly stopCommand: string | null;
  /** From the end of the start command to the start of the stop command. */
  readonly cmdTimeoutUs: number;
}

export interface CommandsParts {
  readonly run: typeof runCommand;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
}

/** How long the end of the daemon waits for commands. */
const SHUTDOWN_MS = 2_000;

/** knockd's way: each opening runs the start command and, cmd_timeout after it has ended, the stop command. */
export class Commands {
  readonly #parts: CommandsParts;
  readonly #stops = new StopSchedule();
  readonly #alarm: Alarm;
  readonly #running = new Set<Promise<void>>();
  #isEnding = false;

  constructor(parts: CommandsParts) {
    this.#parts = parts;
    this.#alarm = new Alarm(parts.now, () => this.#runDue());
  }

  /** Returns at once. Without a start command there is nothing to run, as in knockd. */
  start(door: string, source: Address, { startCommand, stopCommand, cmdTimeoutUs }: DoorCommands): void {
    if (startCommand === null) return;
    this.#track(
      this.#run(door, source, startCommand).then(() => {
        if (stopCommand === null) return;
        this.#stops.add({ door, source, command: stopCommand, dueAt: this.#parts.now() + cmdTimeoutUs });
        this.#runDue();
      }),
    );
  }

  /** Runs the stop commands that wait at once, so that none is lost, and waits for all, though not for ever. */
  async shutdown(): Promise<void> {
    this.#isEnding = true;
    this.#alarm.set(null);
    this.#runDue();
    let limit: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, SHUTDOWN_MS);
    });
    await Promise.race([this.#idle(), tooLate]);
    clearTimeout(limit);
    const left = this.#running.size;
    if (left > 0) this.#parts.log.warn(`commands still running: ${left}; what was to follow them is not run`);
  }

  #runDue(): void {
    const now = this.#isEnding ? Number.POSITIVE_INFINITY : this.#parts.now();
    for (const stop of this.#stops.due(now)) this.#track(this.#stop(stop));
    if (!this.#isEnding) this.#alarm.set(this.#stops.nextDeadline());
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

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#parts.log.error(String(error)))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

function failureOf({ error, timedOut, signal, status }: CommandResult): string | null {
  if (error !== null) return `command did not run: ${error}`;
  if (timedOut) return 'command ran out of time and was ended';
  if (signal !== null) return `command was ended by ${signal}`;
  return status === 0 ? null : `command returned non-zero status code (${status})`;
}
