/** Changes in a folder, and time that passes -> the moments at which to look at a log again. */

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const POLL_MS = 250;

export interface WakeOptions {
  /** How long to wait when nothing stirs. */
  readonly pollMs: number;
  /** How long to wait at least, so that a burst of changes costs one look. */
  readonly lullMs: number;
  readonly signal: AbortSignal;
}

/** Whatever stirs while nobody waits counts for the next wait. Once aborted, it waits no more. */
export class Wake {
  readonly #options: WakeOptions;
  #watcher: FSWatcher | null = null;
  #isStirred = false;
  #wake: () => void = () => undefined;

  constructor(options: WakeOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', this.stir);
  }

  readonly stir = (): void => {
    this.#isStirred = true;
    this.#wake();
  };

  /**
   * Watches the folder of a path from now on: a watched file would be lost from sight when it is replaced. A folder
   * that cannot be watched (not there, too many watches, no inotify) leaves the poll, which suffices.
   */
  watchFolderOf(path: string): void {
    this.#watcher?.close();
    try {
      const watcher = watch(dirname(path), { signal: this.#options.signal });
      watcher.on('change', (_, name) => {
        if (name === null || name === basename(path)) this.stir();
      });
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      this.#watcher = null;
    }
  }

  /** Resolves when something has stirred since the last time, when it is time for a poll, or when aborted. */
  async next(): Promise<void> {
    const { pollMs, lullMs, signal } = this.#options;
    if (lullMs > 0 && !signal.aborted) await sleep(lullMs);
    if (!this.#isStirred && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isStirred = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#options.signal.removeEventListener('abort', this.stir);
  }
}
