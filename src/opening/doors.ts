/** Opens doors as configured: rules, commands, and the timetable by which all doors are closed. */

import { type CommandParts, CommandScheduler, type CommandSettings } from '../command/command-scheduler.ts';
import type { Counts } from '../telemetry/counts.ts';
import { OpeningManager, type OpeningManagerParts } from './opening-manager.ts';
import { Timetable } from './timetable.ts';

/** What a reload may change. */
export interface DoorsSettings extends CommandSettings {
  readonly doors: OpeningManagerParts['doors'];
  /** When all doors are closed, as a cron expression; null for never. */
  readonly flush: string | null;
}

export type DoorsParts = CommandParts & Omit<OpeningManagerParts, 'doors' | 'commands'>;

export class Doors {
  readonly manager: OpeningManager;
  readonly #parts: DoorsParts;
  readonly #commands: CommandScheduler;
  readonly #timetable = new Timetable(() => this.manager.closeAll());
  #settings: DoorsSettings;

  constructor(parts: DoorsParts, settings: DoorsSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#commands = new CommandScheduler(parts, settings);
    this.manager = new OpeningManager({ ...parts, doors: settings.doors, commands: this.#commands });
  }

  /** @throws KnocktailError when the firewall cannot be had */
  async start(): Promise<void> {
    await this.manager.start();
    await this.#commands.resume();
    this.#timetable.set(this.#settings.flush);
  }

  /** Applies another configuration. Closes what doors have opened that are gone. Returns at once. */
  reload(settings: DoorsSettings): void {
    const before = this.#settings.doors;
    const { doors, flush } = settings;
    this.#settings = settings;
    this.#commands.reconfigure(settings);
    this.manager.setDoors(doors);
    this.manager.flush(({ door }) => before.has(door) && !doors.has(door));
    this.#timetable.set(flush);
  }

  counts(): Pick<Counts, 'openings' | 'commands'> {
    return { openings: this.manager.counts(), commands: this.#commands.counts };
  }

  /** Rules stay until they expire, and stop commands are left to the next daemon; with `closeOnExit` all is closed. */
  async shutdown(): Promise<void> {
    this.#timetable.set(null);
    if (this.#parts.closeOnExit) this.manager.closeAll();
    await Promise.all([this.manager.shutdown(), this.#commands.shutdown()]);
  }
}
