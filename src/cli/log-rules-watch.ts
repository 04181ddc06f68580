/** Warns the daemon's user when the firewall does not log the knocks of a door, or no longer does. */

import { setInterval } from 'node:timers';
import type { Config } from '../config/schema.ts';
import type { Programs } from '../doctor/filters.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { settleBinaries } from '../rule/backend.ts';
import { deafDoorsHere } from './deaf-doors.ts';

const CHECK_MS = 60_000;

export interface LogRulesWatchParts {
  /** That of the daemon, as it is now. */
  readonly config: () => Config;
  /** Completes a command in a message. */
  readonly typed: (message: string) => string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export class LogRulesWatch {
  readonly #parts: LogRulesWatchParts;
  #timer: NodeJS.Timeout | undefined;
  #programs: { readonly key: string; readonly found: Programs } | null = null;
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

  /** Returns at once. */
  check(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#work = this.#work.then(() => {
      this.#isDue = false;
      return this.#check();
    });
  }

  end(): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const { config, typed, log } = this.#parts;
    // What cannot be read now may be at the next look. Other parts of the daemon say so where it matters to them.
    const deaf = await deafDoorsHere(config(), () => this.#programsNow()).catch((error: unknown) =>
      messageOf(error),
    );
    if (typeof deaf === 'string' || this.#hasEnded) return;
    const texts = deaf.map(({ text, remedy }) => typed(`${text}: ${remedy}`));
    for (const [index, text] of texts.entries()) {
      const door = deaf[index]?.door ?? '';
      if (!this.#known.includes(text)) log.warn(text, { event: 'deaf', door });
    }
    if (texts.length === 0 && this.#known.length > 0) log.info('the firewall logs all knocks again');
    this.#known = texts;
  }

  /** Which iptables it is changes with the configuration alone. */
  async #programsNow(): Promise<Programs> {
    const { iptables, chain } = this.#parts.config().firewall;
    const key = `${iptables} ${chain}`;
    if (this.#programs?.key !== key)
      this.#programs = { key, found: await settleBinaries(iptables, process.env['PATH'] ?? '', chain) };
    return this.#programs.found;
  }
}
