/** Saves the pending stop commands in a journal on disk, for the next daemon. */

import { existsSync, constants as fs } from 'node:fs';
import { copyFile, lstat, open, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { parseAddress } from '../lib/address.ts';
import { makeFolder, replaceFile, syncFolder } from '../lib/atomic-write.ts';
import { isWritableByOthers } from '../lib/permissions.ts';
import type { Log } from '../telemetry/log.ts';
import type { SavedStop } from './pending-stop.ts';

const JOURNAL = 'journal';
const DAMAGED = 'journal.damaged';
/** The journal is compacted when it has this many lines more than twice the pending stop commands. */
const SPARE_LINES = 1_000;

/** A command that runs for a stop command: its claim file is `ID.start` or `ID.stop`. */
export type Claimed = 'start' | 'stop';

/** One line of the journal. A later line replaces an earlier one of the same id. */
export type Change = { readonly owed: SavedStop } | { readonly done: string };

/**
 * A journal, because all changes made during one sync share the next. A file for each stop command needs two syncs before
 * each start command: 6 to 14 ms instead of 0.6 (median, 32 commands at once, ext4 on a virtual disk). And 65,536 stop
 * commands are read in 0.5 s instead of 4.
 *
 * If the disk fails, that is logged once and tried again at each change. What it holds already stays.
 */
export class StopStore {
  #folder: StopFolder | null;
  readonly #log: Pick<Log, 'warn'>;
  readonly #stops = new Map<string, SavedStop>();
  /** Ids that the next daemon will find. */
  readonly #onDisk = new Set<string>();
  /** All access to the disk, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  /** Changes that will be written when the work before them is done. */
  #batch: { readonly changes: Change[]; readonly written: Promise<boolean> } | null = null;
  /** Whether the file is complete, apart from the changes still to be written, so that these can be appended. */
  #isComplete = false;
  #lines = 0;
  #hasFailed = false;

  /** @param folder null to save nothing */
  constructor(folder: StopFolder | null, log: Pick<Log, 'warn'>) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Returns what other daemons have left. Never rejects: a file that cannot be read is moved aside, with a warning. */
  read(): Promise<readonly SavedStop[]> {
    return this.#inTurn(async () => {
      const { owed, lines, isComplete } = await this.#readFrom(this.#folder);
      this.#lines = lines;
      this.#isComplete = isComplete;
      this.#markOnDisk(owed);
      return owed;
    });
  }

  /** Moves all pending stop commands to another folder. What is there already is for the next daemon. */
  moveTo(folder: StopFolder | null): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#folder;
      if (folder?.folder === before?.folder) return;
      await this.#readFrom(folder);
      this.#folder = folder;
      this.#isComplete = false;
      this.#onDisk.clear();
      if (folder === null) return;
      if (before !== null) await this.#linkClaims(before, folder);
      if (this.#stops.size > 0 && (await this.#write([]))) await before?.replace('').catch(() => undefined);
    });
  }

  /** Resolves, once it has been written or could not be, to whether the next daemon will find it. */
  save(stop: SavedStop): Promise<boolean> {
    this.#stops.set(stop.id, stop);
    return this.#add({ owed: stop });
  }

  async delete(id: string): Promise<void> {
    this.#stops.delete(id);
    this.#onDisk.delete(id);
    await this.#add({ done: id });
  }

  /** Whether the next daemon will find it. */
  holds(id: string): boolean {
    return this.#onDisk.has(id);
  }

  /** The claim file of a command; null if nothing is saved. */
  claimOf(id: string, what: Claimed): string | null {
    return this.#folder === null ? null : join(this.#folder.folder, `${id}.${what}`);
  }

  /** Removes a claim: it is no longer needed, or the command is to run again. */
  async release(id: string, what: Claimed): Promise<void> {
    const claim = this.claimOf(id, what);
    if (claim !== null) await rm(claim, { force: true }).catch(() => undefined);
  }

  /** Resolves when all that was saved so far has been written. */
  async idle(): Promise<void> {
    await this.#work;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #add(change: Change): Promise<boolean> {
    if (this.#folder === null) return Promise.resolve(false);
    if (this.#batch === null) {
      const changes: Change[] = [];
      const written = this.#inTurn(async () => {
        // Lets the changes of one turn of the event loop share a sync.
        await new Promise(setImmediate);
        this.#batch = null;
        return this.#write(changes);
      });
      this.#batch = { changes, written };
    }
    this.#batch.changes.push(change);
    return this.#batch.written;
  }

  async #write(changes: readonly Change[]): Promise<boolean> {
    const folder = this.#folder;
    if (folder === null) return false;
    const canAppend = this.#isComplete && this.#lines + changes.length <= 2 * this.#stops.size + SPARE_LINES;
    try {
      if (!canAppend || !(await this.#append(folder, changes))) await this.#rewrite(folder);
    } catch (error) {
      this.#isComplete = false;
      if (!this.#hasFailed)
        this.#log.warn(`cannot save stop commands, running them at shutdown instead: ${error}`);
      this.#hasFailed = true;
      return false;
    }
    this.#hasFailed = false;
    return true;
  }

  /** Resolves to false if that fails: the file may be gone, or now end in half a line. */
  async #append(folder: StopFolder, changes: readonly Change[]): Promise<boolean> {
    try {
      await folder.append(changes.map(lineOf).join(''));
    } catch {
      return false;
    }
    this.#lines += changes.length;
    this.#markOnDisk(changes.flatMap((change) => ('owed' in change ? change.owed : [])));
    return true;
  }

  async #rewrite(folder: StopFolder): Promise<void> {
    const all = [...this.#stops.values()];
    await folder.replace(all.map((owed) => lineOf({ owed })).join(''));
    this.#isComplete = true;
    this.#lines = all.length;
    this.#markOnDisk(all);
  }

  #markOnDisk(stops: readonly SavedStop[]): void {
    for (const { id } of stops) if (this.#stops.has(id)) this.#onDisk.add(id);
  }

  async #readFrom(folder: StopFolder | null) {
    const text = folder === null ? null : await this.#textOf(folder);
    if (folder === null || text === null) return { owed: [], lines: 0, isComplete: false };
    const { owed, lines, damaged } = readLines(text);
    // What this daemon knows of is newer than what it once wrote there.
    for (const stop of owed) if (!this.#stops.has(stop.id)) this.#stops.set(stop.id, stop);
    if (damaged > 0) {
      const copy = await folder.copyDamaged().catch(() => 'none, as that failed');
      this.#log.warn(
        `${folder.folder}: ignoring ${damaged} damaged of ${lines} stop commands, copy: ${copy}`,
      );
    }
    await folder.sweep(new Set(this.#stops.keys())).catch(() => undefined);
    return { owed, lines, isComplete: damaged === 0 && text.endsWith('\n') };
  }

  async #textOf(folder: StopFolder): Promise<string | null> {
    try {
      return await folder.read();
    } catch (error) {
      const aside = await folder.moveAside().catch(() => folder.folder);
      this.#log.warn(`cannot read stop commands, not running those in ${aside}: ${error}`);
      return null;
    }
  }

  /** Running commands have their claims in the old folder, and write there how they end. */
  async #linkClaims(before: StopFolder, folder: StopFolder): Promise<void> {
    for (const { id, isStarting } of this.#stops.values()) {
      for (const what of ['start', 'stop'] as const) {
        const claim = `${id}.${what}`;
        const isClaimed = existsSync(join(before.folder, claim)) || (what === 'start' && isStarting);
        if (isClaimed) await folder.link(join(before.folder, claim), claim).catch(() => undefined);
      }
    }
  }
}

/** The folder with the journal and the claim files. Each method rejects if the disk fails. */
export class StopFolder {
  readonly folder: string;
  readonly #journal: string;

  constructor(folder: string) {
    this.folder = folder;
    this.#journal = join(folder, JOURNAL);
  }

  /**
   * Returns null if there is no journal yet.
   *
   * @throws also if others can write it, because what it holds is run
   */
  async read(): Promise<string | null> {
    for (const path of [this.folder, this.#journal]) await requireOurs(path);
    return readFile(this.#journal, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
  }

  /** Appends to the journal, and syncs it. */
  async append(text: string): Promise<void> {
    // Not created here: if somebody has removed the file, its other lines are missing, too.
    const file = await open(this.#journal, fs.O_WRONLY | fs.O_APPEND);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** Creates or replaces the journal. If that fails, the old one stays. */
  async replace(text: string): Promise<void> {
    const made = makeFolder(this.folder);
    await replaceFile(this.#journal, (file) => file.writeFile(text));
    if (made !== null) await syncFolder(dirname(made));
  }

  /** Copies a damaged journal; returns the path of the copy. */
  async copyDamaged(): Promise<string> {
    const copy = join(this.folder, DAMAGED);
    await copyFile(this.#journal, copy);
    return copy;
  }

  /** Renames a journal that cannot be read; returns its new path. */
  async moveAside(): Promise<string> {
    const aside = `${this.#journal}.unreadable-${Date.now()}`;
    await rename(this.#journal, aside);
    return aside;
  }

  /** Creates a symlink to a file that need not exist yet. */
  async link(target: string, name: string): Promise<void> {
    makeFolder(this.folder);
    await symlink(target, join(this.folder, name));
  }

  /** Removes the claims of all ids but these, and what was left of interrupted rewrites. */
  async sweep(ids: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const [id = '', what] = name.split('.');
      const isStale =
        what === 'start' || what === 'stop' ? !ids.has(id) : /^journal\.[0-9a-f]{12}$/.test(name);
      if (isStale) await rm(join(this.folder, name), { force: true });
    }
  }
}

async function requireOurs(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (stats === null) return;
  const isForeign = stats.uid !== 0 && stats.uid !== process.geteuid?.();
  if (isForeign || stats.isSymbolicLink() || isWritableByOthers(stats))
    throw new Error(`${path} can be written by other users`);
}

const source = z.string().transform((text, context) => {
  const address = parseAddress(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'not an address' });
  return z.NEVER;
});
const owed = z.object({
  // Becomes part of a file name.
  id: z.string().regex(/^[0-9a-f]+$/),
  door: z.string(),
  source,
  command: z.string(),
  waitUs: z.number(),
  dueAt: z.number(),
  dueAtWall: z.number(),
  boot: z.string().nullable(),
  isStarting: z.boolean(),
  failures: z.int().nonnegative(),
});
const change = z.union([z.object({ owed }), z.object({ done: z.string() })]);

/** `CHECKSUM JSON`: a torn or damaged line has another checksum. */
export function lineOf(change: Change): string {
  const text = JSON.stringify(change);
  return `${checksum(text)} ${text}\n`;
}

export interface JournalContent {
  readonly owed: readonly SavedStop[];
  readonly lines: number;
  readonly damaged: number;
}

export function readLines(text: string): JournalContent {
  const pending = new Map<string, SavedStop>();
  const lines = text.split('\n').filter((line) => line !== '');
  let damaged = 0;
  for (const line of lines) {
    const change = readLine(line);
    if (change === null) damaged++;
    else if ('owed' in change) pending.set(change.owed.id, change.owed);
    else pending.delete(change.done);
  }
  return { owed: [...pending.values()], lines: lines.length, damaged };
}

function readLine(line: string): Change | null {
  const [, sum, text = ''] = /^([0-9a-f]{8}) (.+)$/.exec(line) ?? [];
  if (sum !== checksum(text)) return null;
  // A line with the right checksum is intact, but may come from another version.
  return change.safeParse(JSON.parse(text)).data ?? null;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
