/** What was done, and passing time -> looks at the chain, and a call where it is not as it should be. */

/** After the first change since the last look, so that none waits for a look. */
const LOOK_MS = 250;
const CHECK_MS = 60_000;

export interface WatchParts {
  /** At a glance, beside all else: whether all is as it should be. */
  readonly look: () => Promise<boolean>;
  /** Looks closely, and mends. */
  readonly check: () => void;
}

export class Watch {
  readonly #parts: WatchParts;
  #check: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#check = setInterval(this.#parts.check, CHECK_MS).unref();
  }

  /** Something was changed: soon is a good time for a look. */
  touch(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      void this.#glance();
    }, LOOK_MS).unref();
  }

  end(): void {
    clearInterval(this.#check);
    clearTimeout(this.#look);
  }

  async #glance(): Promise<void> {
    // Where it cannot be told at a glance, the next check tells.
    if (!(await this.#parts.look().catch(() => true))) this.#parts.check();
  }
}
