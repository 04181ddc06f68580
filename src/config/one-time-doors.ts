/** Keeps the remaining sequences of each door that uses a file of one-time sequences. */

import { OneTimeSequences } from './one-time.ts';
import { markInFile, readOneTimeFile } from './one-time-file.ts';
import type { Config, DoorConfig } from './schema.ts';

/** What a file of sequences has to tell its owner. */
export interface OneTimeNotice {
  readonly door: string;
  readonly text: string;
  /** Whether the door is shut for good, as nothing is left. */
  readonly isUsedUp: boolean;
}

export class OneTimeDoors {
  readonly #lists = new Map<string, OneTimeSequences>();
  readonly #mark: typeof markInFile;

  /** @param mark how used sequences are marked in their file */
  constructor(mark = markInFile) {
    this.#mark = mark;
  }

  /** The sequences of a door, none before it is filled; null when it has a fixed one. */
  listOf({ oneTimeSequences: path }: DoorConfig): OneTimeSequences | null {
    return path === null ? null : this.#listAt(path);
  }

  /**
   * Reads the files of a configuration, or reads them again.
   *
   * @throws KnocktailError when one cannot be read
   */
  async fill({ doors }: Config): Promise<OneTimeNotice[]> {
    const notices: OneTimeNotice[] = [];
    for (const [door, { oneTimeSequences: path }] of doors) {
      if (path === null) continue;
      const { left, bad } = await readOneTimeFile(path);
      const list = this.#listAt(path);
      list.refill(left);
      for (const { line, text } of bad) {
        notices.push({ door, text: `${path}:${line}: skipped: ${text}`, isUsedUp: false });
      }
      if (list.live.length === 0) notices.push({ door, text: usedUp(path), isUsedUp: true });
    }
    return notices;
  }

  /** Whether the files of a configuration say what is known of them, marks of our own included. */
  async isCurrent({ doors }: Config): Promise<boolean> {
    for (const { oneTimeSequences: path } of doors.values()) {
      if (path === null) continue;
      const { left } = await readOneTimeFile(path);
      if (!this.#listAt(path).isAsIn(left)) return false;
    }
    return true;
  }

  /**
   * Sees to it that what has opened this door cannot open it again, come what may. Resolves to what is to be
   * told: that nothing is left.
   *
   * @throws KnocktailError when it cannot be made sure of
   */
  async settle(door: DoorConfig): Promise<string | null> {
    const path = door.oneTimeSequences;
    if (path === null) return null;
    const list = this.#listAt(path);
    const { unmarked } = list;
    if (unmarked.length === 0) return null;
    await this.#mark(path, unmarked);
    list.marked(unmarked);
    return list.live.length === 0 ? usedUp(path) : null;
  }

  #listAt(path: string): OneTimeSequences {
    const list = this.#lists.get(path) ?? new OneTimeSequences();
    this.#lists.set(path, list);
    return list;
  }
}

function usedUp(path: string): string {
  return `no sequence is left in ${path}, the door stays shut, write more and reload`;
}
