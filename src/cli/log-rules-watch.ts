/** Warns the daemon's user when the firewall does not log the knocks of a door, or no longer does. */

import type { Config } from '../config/schema.ts';
import type { Log } from '../telemetry/log.ts';
import type { Deafness } from './deaf-doors.ts';

const CHECK_MS = 60_000;

export interface LogRulesWatchParts {
  /** That of the daemon, as it is now. */
  readonly config: () => Config;
  readonly look: (config: Config) => Promise<readonly Deafness[]>;
  /** Completes a command in a message. */
  readonly typed: (message: string) => string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export class LogRulesWatch {
  readonly #parts: LogRulesWatchParts;
  #timer: NodeJS.Timeout | undefined;
  /** What was logged last, so that it is logged once. */
  #known: readonly string[] = [];
  #work: Promise<void> = Promise.resolve();
  #isDue = false;
  #hasEnded = false;

  constructor(parts: LogRulesWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.check();
    this.#timer = setInterval(() => this.check(), CHECK_MS).unref();
  }

  /** Returns at once; what is asked for again before it begins is done once. */
  check(): void {
    if (this.#isDue || this.#hasEnded) return;
    this.#isDue = true;
    this.#work = this.#work.then(async () => {
      this.#isDue = false;
      // What cannot be read now may be at the next look. Other parts of the daemon say so where it matters to them.
      await this.#check().catch(() => undefined);
    });
  }

  end(): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const { config, look, typed, log } = this.#parts;
    const deaf = await look(config());
    if (this.#hasEnded) return;
    const warnings = deaf.map(({ door, text, remedy }) => ({ door, text: typed(`${text}: ${remedy}`) }));
    for (const { door, text } of warnings)
      if (!this.#known.includes(text)) log.warn(text, { event: 'deaf', door });
    if (warnings.length === 0 && this.#known.length > 0) log.info('the firewall logs all knocks again');
    this.#known = warnings.map(({ text }) => text);
  }
}
