/** Tells when to look at a log again: after a change in its folder, or when it is time to poll. */

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait when nothing stirs. */
const POLL_MS = 250;
/** How much longer it may become when nothing stirs for a while. */
const IDLE_POLLS = 8;

export interface ChangeWatcherOptions {
  readonly signal: AbortSignal;
  readonly pollMs?: number | undefined;
  /** Looks are not to become rarer, as others wait for each. */
  readonly isSteady?: boolean | undefined;
  /** How long to wait at least, so that a burst of changes costs one look. */
  readonly debounceMs?: number;
}

/** Whatever stirs while nobody waits counts for the next wait. Once aborted, it waits no more. */
export class ChangeWatcher {
  readonly #signal: AbortSignal;
  readonly #pollMs: number;
  readonly #debounceMs: number;
  readonly #isSteady: boolean;
  #isMissed = false;
  #waitMs: number;
  #watcher: FSWatcher | null = null;
  #isNotified = false;
  #wake: () => void = () => undefined;

  constructor({ signal, pollMs = POLL_MS, isSteady = false, debounceMs = 0 }: ChangeWatcherOptions) {
    this.#signal = signal;
    this.#pollMs = pollMs;
    this.#debounceMs = debounceMs;
    this.#isSteady = isSteady;
    this.#waitMs = pollMs;
    signal.addEventListener('abort', this.notify);
  }

  readonly notify = (): void => {
    this.#isNotified = true;
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
        if (name === null || name === basename(path)) this.notify();
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
    if (this.#debounceMs > 0 && !this.#signal.aborted) await sleep(this.#debounceMs);
    if (!this.#isNotified && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const isNotified = this.#isNotified;
    this.#isNotified = false;
    const isIdle = !isNotified && !this.#isSteady && !this.#isMissed;
    this.#waitMs = isIdle ? Math.min(this.#waitMs * 2, this.#pollMs * IDLE_POLLS) : this.#pollMs;
    return isNotified;
  }

  close(): void {
    this.#watcher?.close();
    this.#signal.removeEventListener('abort', this.notify);
  }
}
