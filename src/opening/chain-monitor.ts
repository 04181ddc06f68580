/** Schedules checks of the chain: soon after each change, and every minute. */

/** From a change to the look that follows: long enough for others that come with it to be seen at the same look. */
const LOOK_MS = 500;
const CHECK_MS = 60_000;

export interface WatchParts {
  /** At a glance. */
  readonly look: () => Promise<unknown>;
  /** Closely. */
  readonly check: () => Promise<unknown>;
}

export class Watch {
  readonly #parts: WatchParts;
  #check: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#check = setInterval(() => void this.#parts.check(), CHECK_MS).unref();
  }

  /** Something was changed, which is where others' changes would show. */
  touch(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      void this.#parts.look();
    }, LOOK_MS).unref();
  }

  end(): void {
    clearInterval(this.#check);
    clearTimeout(this.#look);
  }
}
