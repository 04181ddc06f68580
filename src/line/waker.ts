/** Events in a folder, passing time and an abort -> one wake-up. */

import { type FSWatcher, watch } from 'node:fs';

/** Watches the folder, not the file: a watch on a file stays with the inode that is rotated away. */
export class Waker {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  #watcher: FSWatcher | null = null;
  #wasWoken = false;
  #wake: (() => void) | null = null;
  readonly #onEvent = (): void => {
    this.#wasWoken = true;
    this.#wake?.();
  };

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onEvent);
  }

  /** Returns when something has happened in the folder since the last call, or after so long, or on abort. */
  async wait(limitMs: number): Promise<void> {
    this.#ensureWatcher();
    if (!this.#wasWoken && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#wasWoken = false;
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onEvent);
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** The folder may not be there yet, or inotify may be exhausted: then waiting by time alone must do. */
  #ensureWatcher(): void {
    if (this.#watcher !== null) return;
    try {
      const watcher = watch(this.#folder, this.#onEvent);
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = null;
      });
      this.#watcher = watcher;
    } catch {
      this.#watcher = null;
    }
  }
}
