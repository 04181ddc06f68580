/** Doors that were opened -> their commands, run beside each other, each stop command in its time. */

import { familyOf } from '../address.ts';
import type { Address, Micros } from '../model.ts';
import type { Words } from '../words.ts';
import { Alarm } from './alarm.ts';
import type { CommandResult, runCommand } from './command.ts';
import { type PendingStop, StopSchedule } from './stop.ts';
import { Turns } from './turns.ts';

export interface DoorCommands {
  readonly startCommand: string | null;
  /** In place of the other for an IPv6 source; null when the same will do. */
  readonly startCommand6: string | null;
  readonly stopCommand: string | null;
  readonly stopCommand6: string | null;
  /** From the end of the start command to the start of the stop command. */
  readonly cmdTimeoutUs: number;
}

export interface CommandsParts {
  readonly run: typeof runCommand;
  /** Commands are told and not run. */
  readonly isDry: () => boolean;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly words: () => Pick<Words, 'commandOf'>;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
}

/** Commands that run at once, and those that may wait: what a flood at a door of one step can make. */
const MOST_AT_ONCE = 32;
const MOST_WAITING = 1_000;
/** How long the end of the daemon waits for commands. */
const SHUTDOWN_MS = 2_000;

/** knockd's way: each opening runs the start command and, cmd_timeout after it has ended, the stop command. */
export class Commands {
  readonly #parts: CommandsParts;
  readonly #stops = new StopSchedule();
  readonly #turns = new Turns(MOST_AT_ONCE);
  readonly #alarm: Alarm;
  readonly #running = new Set<Promise<void>>();
  #isEnding = false;

  constructor(parts: CommandsParts) {
    this.#parts = parts;
    this.#alarm = new Alarm(parts.now, () => this.#runDue());
  }

  /** Returns at once. Without a start command there is nothing to run, as in knockd. */
  start(door: string, source: Address, commands: DoorCommands): void {
    const { start, stop } = commandsFor(source, commands);
    if (start === null) return;
    if (this.#turns.waiting >= MOST_WAITING) {
      this.#parts.log.warn(`${source}: ${door}: command not run, ${MOST_WAITING} are waiting for their turn`);
      return;
    }
    this.#track(
      this.#run(door, source, start).then(() => {
        if (stop === null) return;
        const dueAt = this.#parts.now() + commands.cmdTimeoutUs;
        this.#stops.add({ door, source, command: stop, dueAt });
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
    const { log, run, words } = this.#parts;
    const who = words().commandOf(door, source);
    const result = await this.#turns.run(async () => {
      const isDry = this.#parts.isDry();
      log.info(`${who}: ${isDry ? 'would run' : 'running'} command: ${command.replaceAll('%IP%', source)}`);
      return isDry ? null : run(command, { door, source });
    });
    if (result === null) return;
    for (const line of result.output.split('\n').filter((text) => text !== '')) {
      log.info(`${who}: command says: ${line}`);
    }
    if (result.unshown > 0) log.info(`${who}: command says ${result.unshown} bytes more`);
    const failure = failureOf(result);
    if (failure !== null) log.warn(`${who}: ${failure}`);
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

/** An empty command is none, also where it stands in place of the other. */
function commandsFor(source: Address, commands: DoorCommands) {
  const isIpv6 = familyOf(source) === 6;
  const start = (isIpv6 ? commands.startCommand6 : null) ?? commands.startCommand;
  const stop = (isIpv6 ? commands.stopCommand6 : null) ?? commands.stopCommand;
  return { start: start === '' ? null : start, stop: stop === '' ? null : stop };
}

function failureOf({ error, timedOut, signal, status }: CommandResult): string | null {
  if (error !== null) return `command did not run: ${error}`;
  if (timedOut) return 'command ran out of time and was ended';
  if (signal !== null) return `command was ended by ${signal}`;
  return status === 0 ? null : `command returned non-zero status code (${status})`;
}
