/** Doors as a configuration has them -> a keeper of them, what it leaves to the next daemon, and when all are closed. */

import type { Disk } from './disk.ts';
import { StopJournal } from './journal.ts';
import { Keeper, type KeeperParts } from './keeper.ts';
import { openingSwitchesFor } from './switches.ts';
import { Timetable } from './timetable.ts';

export interface DoorsSettings {
  readonly doors: KeeperParts['doors'];
  /** When all doors are closed, as a cron expression; null for never. */
  readonly flush: string | null;
  /** Where stop commands are kept that are owed; null where they are not. */
  readonly stops: Disk | null;
}

export interface DoorsParts extends Omit<KeeperParts, 'journal' | 'switches'>, DoorsSettings {
  readonly compat: () => 'none' | 'knockd';
}

export class Doors {
  readonly keeper: Keeper;
  readonly #parts: DoorsParts;
  readonly #journal: StopJournal;
  readonly #timetable = new Timetable(() => this.keeper.closeAll());
  #doors: KeeperParts['doors'];
  #moving: Promise<void> = Promise.resolve();

  constructor(parts: DoorsParts) {
    this.#parts = parts;
    this.#doors = parts.doors;
    this.#journal = new StopJournal(parts.stops, (text) => parts.log.warn(text));
    const switches = () => openingSwitchesFor(parts.compat());
    this.keeper = new Keeper({ ...parts, journal: this.#journal, switches });
  }

  /** @throws KnocktailError when the firewall cannot be had */
  async start(): Promise<void> {
    await this.keeper.start();
    this.#timetable.set(this.#parts.flush);
  }

  /** Goes over to another configuration. What a door has opened that is gone is closed. Returns at once. */
  reload({ doors, flush, stops }: DoorsSettings): void {
    const before = this.#doors;
    this.#doors = doors;
    this.#moving = this.#moving.then(() => this.#journal.moveTo(stops));
    this.keeper.setDoors(doors);
    this.keeper.flush(({ door }) => before.has(door) && !doors.has(door));
    this.#timetable.set(flush);
  }

  async shutdown(): Promise<void> {
    this.#timetable.set(null);
    if (this.#parts.closeOnExit) this.keeper.closeAll();
    await this.keeper.shutdown();
  }
}
