/** Changes in a folder, and time that passes -> the moments at which to look at a log again. */

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait when nothing stirs. */
const POLL_MS = 250;
/** How much longer it may become when nothing stirs for a while. */
const IDLE_POLLS = 8;

export interface WakeOptions {
  readonly signal: AbortSignal;
  readonly pollMs?: number | undefined;
  /** Looks are not to become rarer, as others wait for each. */
  readonly isSteady?: boolean | undefined;
  /** How long to wait at least, so that a burst of changes costs one look. */
  readonly lullMs?: number;
}

/** Whatever stirs while nobody waits counts for the next wait. Once aborted, it waits no more. */
export class Wake {
  readonly #signal: AbortSignal;
  readonly #pollMs: number;
  readonly #lullMs: number;
  readonly #isSteady: boolean;
  #isMissed = false;
  #waitMs: number;
  #watcher: FSWatcher | null = null;
  #isStirred = false;
  #wake: () => void = () => undefined;

  constructor({ signal, pollMs = POLL_MS, isSteady = false, lullMs = 0 }: WakeOptions) {
    this.#signal = signal;
    this.#pollMs = pollMs;
    this.#lullMs = lullMs;
    this.#isSteady = isSteady;
    this.#waitMs = pollMs;
    signal.addEventListener('abort', this.stir);
  }

  readonly stir = (): void => {
    this.#isStirred = true;
    this.#isMissed = false;
    this.#wake();
  };

  /**
   * Watches the folder of a path from now on: a watched file would be lost from sight when it is replaced. A folder
   * that cannot be watched (not there, too many watches, no inotify) leaves the poll, which suffices.
   */
  watchFolderOf(path: string): void {
    this.#watcher?.close();
    try {
      const watcher = watch(dirname(path), { signal: this.#signal });
      watcher.on('change', (_, name) => {
        if (name === null || name === basename(path)) this.stir();
      });
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      this.#watcher = null;
    }
  }

  /** What has changed did not stir, as behind a symlink or on a disk of another machine: looks stay frequent. */
  missed(): void {
    this.#isMissed = true;
  }

  /**
   * Resolves when something has stirred since the last time, when it is time for a poll, or when aborted.
   *
   * @returns whether something has stirred
   */
  async next(): Promise<boolean> {
    if (this.#lullMs > 0 && !this.#signal.aborted) await sleep(this.#lullMs);
    if (!this.#isStirred && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const isStirred = this.#isStirred;
    this.#isStirred = false;
    const isIdle = !isStirred && !this.#isSteady && !this.#isMissed;
    this.#waitMs = isIdle ? Math.min(this.#waitMs * 2, this.#pollMs * IDLE_POLLS) : this.#pollMs;
    return isStirred;
  }

  close(): void {
    this.#watcher?.close();
    this.#signal.removeEventListener('abort', this.stir);
  }
}
