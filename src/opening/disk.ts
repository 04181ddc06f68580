/** The folder of the stop commands that are owed: a file that says which, and one for each command that runs. */

import { constants } from 'node:fs';
import { copyFile, lstat, open, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isWritableByOthers } from '../permissions.ts';
import { makeFolder, replaceFile, syncFolder } from '../replace.ts';

const JOURNAL = 'journal';
const DAMAGED = 'journal.damaged';

/** What a journal is written to. Each call may fail for reasons of the disk. */
export interface Disk {
  readonly folder: string;
  /** Null where there is none yet. */
  read(): Promise<string | null>;
  /** Adds to the file, which has to be there; it is on disk when this resolves. */
  append(text: string): Promise<void>;
  /** Puts this in the place of the file, or makes it; when it rejects, the old one stands. */
  replace(text: string): Promise<void>;
  /** Keeps a copy of a file of which not all can be read; resolves to where it is. */
  copyDamaged(): Promise<string>;
  /** Puts a file away that cannot be read at all; resolves to where it is then. */
  putAside(): Promise<string>;
  /** Makes a name in the folder for a file elsewhere, which may not be there yet. */
  link(target: string, name: string): Promise<void>;
  /** Removes what no id of these has to do with. */
  sweep(ids: ReadonlySet<string>): Promise<void>;
}

export class StopDisk implements Disk {
  readonly folder: string;
  readonly #journal: string;

  constructor(folder: string) {
    this.folder = folder;
    this.#journal = join(folder, JOURNAL);
  }

  /** @throws also where others could have written it: what it holds is run */
  async read(): Promise<string | null> {
    for (const path of [this.folder, this.#journal]) await assertOurs(path);
    return readFile(this.#journal, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
  }

  async append(text: string): Promise<void> {
    // Not made here: one that somebody has removed would lack what was in it.
    const file = await open(this.#journal, constants.O_WRONLY | constants.O_APPEND);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async replace(text: string): Promise<void> {
    const made = makeFolder(this.folder);
    await replaceFile(this.#journal, (file) => file.writeFile(text));
    if (made !== null) await syncFolder(dirname(made));
  }

  async copyDamaged(): Promise<string> {
    const copy = join(this.folder, DAMAGED);
    await copyFile(this.#journal, copy);
    return copy;
  }

  async putAside(): Promise<string> {
    const aside = `${this.#journal}.unreadable-${Date.now()}`;
    await rename(this.#journal, aside);
    return aside;
  }

  async link(target: string, name: string): Promise<void> {
    makeFolder(this.folder);
    await symlink(target, join(this.folder, name));
  }

  async sweep(ids: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const [id = '', what] = name.split('.');
      const isLeft =
        what === 'start' || what === 'stop' ? !ids.has(id) : /^journal\.[0-9a-f]{12}$/.test(name);
      if (isLeft) await rm(join(this.folder, name), { force: true });
    }
  }
}

async function assertOurs(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (stats === null) return;
  const isForeign = stats.uid !== 0 && stats.uid !== process.geteuid?.();
  if (isForeign || stats.isSymbolicLink() || isWritableByOthers(stats))
    throw new Error(`${path} can be written by others`);
}
