/** Stop commands that are owed <-> a journal on disk, so that the next daemon knows of them. */

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { type Change, lineOf, readLines } from './record.ts';
import type { SavedStop } from './stop.ts';

/** So many lines that no longer count are let stand before the file is written anew. */
const SPARE_LINES = 1_000;

/**
 * Changes that come while one is being written go to disk together, so a flood of knocks costs few syncs. A disk that
 * fails is told of once and asked again at each change; what it holds already is never given up for that.
 */
export class StopJournal {
  #disk: Disk | null;
  readonly #warn: (text: string) => void;
  readonly #owed = new Map<string, SavedStop>();
  readonly #onDisk = new Set<string>();
  #changes: { readonly change: Change; readonly written: (isOnDisk: boolean) => void }[] = [];
  #writing: Promise<void> | null = null;
  /** Whether the file holds all that is owed up to the changes at hand, so that those can be added to it. */
  #isWhole = false;
  #lines = 0;
  #hasFailed = false;

  /** @param disk null where nothing is to be kept */
  constructor(disk: Disk | null, warn: (text: string) => void) {
    this.#disk = disk;
    this.#warn = warn;
  }

  /** What other daemons have left. Never rejects: a file that cannot be read is put away and told of. */
  async read(): Promise<readonly SavedStop[]> {
    const { owed, lines, isWhole } = await this.#readFrom(this.#disk);
    this.#lines = lines;
    this.#isWhole = isWhole;
    this.#written(owed);
    return owed;
  }

  /** Goes over to another folder with all that is owed. What others have left there is for the next daemon. */
  async moveTo(disk: Disk | null): Promise<void> {
    if (disk?.folder === this.#disk?.folder) return;
    await this.#readFrom(disk);
    while (this.#writing !== null) await this.#writing;
    const before = this.#disk;
    this.#disk = disk;
    if (before !== null && disk !== null) await this.#linkClaims(before, disk);
    this.#isWhole = false;
    this.#onDisk.clear();
    const kept = await Promise.all([...this.#owed.values()].map((stop) => this.keep(stop)));
    if (kept.length > 0 && !kept.includes(false)) await before?.replace('').catch(() => undefined);
  }

  /** Commands that run have claimed a file in the old folder, and say there how they end. */
  async #linkClaims(before: Disk, disk: Disk): Promise<void> {
    for (const { id, isStarting } of this.#owed.values()) {
      for (const what of ['start', 'stop'] as const) {
        const claim = `${id}.${what}`;
        const isClaimed = existsSync(join(before.folder, claim)) || (what === 'start' && isStarting);
        if (isClaimed) await disk.link(join(before.folder, claim), claim).catch(() => undefined);
      }
    }
  }

  /** Resolves, once it has been written or could not be, to whether the next daemon will know of it. */
  keep(stop: SavedStop): Promise<boolean> {
    this.#owed.set(stop.id, stop);
    return this.#write({ owed: stop });
  }

  /** It is owed no more. */
  async drop(id: string): Promise<void> {
    this.#owed.delete(id);
    this.#onDisk.delete(id);
    await this.#write({ done: id });
  }

  /** Whether the next daemon will know of it. */
  holds(id: string): boolean {
    return this.#onDisk.has(id);
  }

  /** The file by which a command that runs is known to the next daemon; null where nothing is kept. */
  claimOf(id: string, what: 'start' | 'stop'): string | null {
    return this.#disk === null ? null : join(this.#disk.folder, `${id}.${what}`);
  }

  /** The claim is needed no more, or the command is to run once more. */
  async release(id: string, what: 'start' | 'stop'): Promise<void> {
    const claim = this.claimOf(id, what);
    if (claim !== null) await rm(claim, { force: true }).catch(() => undefined);
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #readFrom(
    disk: Disk | null,
  ): Promise<{ owed: readonly SavedStop[]; lines: number; isWhole: boolean }> {
    const text = disk === null ? null : await this.#textOf(disk);
    if (disk === null || text === null) return { owed: [], lines: 0, isWhole: false };
    const { owed, lines, damaged } = readLines(text);
    for (const stop of owed) this.#owed.set(stop.id, stop);
    if (damaged > 0) {
      const copy = await disk.copyDamaged().catch(() => 'none could be made');
      this.#warn(`${disk.folder}: of ${lines} stop commands ${damaged} cannot be read, copy: ${copy}`);
    }
    await disk.sweep(new Set(this.#owed.keys())).catch(() => undefined);
    return { owed, lines, isWhole: damaged === 0 && text.endsWith('\n') };
  }

  async #textOf(disk: Disk): Promise<string | null> {
    try {
      return await disk.read();
    } catch (error) {
      const aside = await disk.putAside().catch(() => disk.folder);
      this.#warn(`the stop commands in ${aside} cannot be read, and are not run: ${error}`);
      return null;
    }
  }

  #write(change: Change): Promise<boolean> {
    if (this.#disk === null) return Promise.resolve(false);
    const disk = this.#disk;
    return new Promise((written) => {
      this.#changes.push({ change, written });
      this.#writing ??= this.#writeAll(disk);
    });
  }

  async #writeAll(disk: Disk): Promise<void> {
    // Those that come in this turn of the loop are of one piece.
    await new Promise(setImmediate);
    while (this.#changes.length > 0) {
      const batch = this.#changes;
      this.#changes = [];
      const isOnDisk = await this.#writeBatch(
        disk,
        batch.map(({ change }) => change),
      );
      for (const { written } of batch) written(isOnDisk);
    }
    this.#writing = null;
  }

  async #writeBatch(disk: Disk, changes: readonly Change[]): Promise<boolean> {
    const isAdded = this.#isWhole && this.#lines + changes.length <= 2 * this.#owed.size + SPARE_LINES;
    try {
      if (!isAdded || !(await this.#append(disk, changes))) await this.#rewrite(disk);
    } catch (error) {
      this.#isWhole = false;
      if (!this.#hasFailed) {
        this.#warn(`stop commands cannot be saved, they run when the daemon ends instead: ${error}`);
      }
      this.#hasFailed = true;
      return false;
    }
    this.#hasFailed = false;
    return true;
  }

  /** Resolves to false where that fails: the file may be gone, or end in half a line now. */
  async #append(disk: Disk, changes: readonly Change[]): Promise<boolean> {
    try {
      await disk.append(changes.map(lineOf).join(''));
    } catch {
      return false;
    }
    this.#lines += changes.length;
    this.#written(changes.flatMap((change) => ('owed' in change ? change.owed : [])));
    return true;
  }

  async #rewrite(disk: Disk): Promise<void> {
    const all = [...this.#owed.values()];
    await disk.replace(all.map((owed) => lineOf({ owed })).join(''));
    this.#isWhole = true;
    this.#lines = all.length;
    this.#written(all);
  }

  #written(stops: readonly SavedStop[]): void {
    for (const { id } of stops) if (this.#owed.has(id)) this.#onDisk.add(id);
  }
}
