/** Reloads the configuration at HUP and when its files change, and keeps the old one if the new one is wrong. */

import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { within } from '../lib/timeout.ts';
import { messagesFor } from '../telemetry/messages.ts';
import { Watch } from './config-watcher.ts';
import type { Daemon } from './daemon.ts';
import type { DaemonLog } from './daemon-log.ts';

const STOP_MS = 500;

export interface ReloadParts {
  readonly path: string;
  /** Reads the file at this path. */
  readonly read: () => Promise<Config>;
  readonly daemon: Pick<Daemon, 'reload'>;
  readonly oneTime: Pick<OneTimeDoors, 'isCurrent'>;
  readonly log: Pick<DaemonLog, 'use' | 'info' | 'warn' | 'error'>;
}

export class Reload {
  readonly #parts: ReloadParts;
  readonly #watch: Watch;
  #config: Config;
  /** What the file said when it was looked at last; null where that is not known. */
  #seen: string | null = null;
  /** One that was asked for waits for its turn. */
  #isDue = false;
  #work: Promise<void> = Promise.resolve();

  /** @param config that of the daemon */
  constructor(parts: ReloadParts, config: Config) {
    this.#parts = parts;
    this.#config = config;
    this.#watch = new Watch(() => this.#enqueue(() => this.#ifChanged()), parts.log.warn);
  }

  /** From now on the file is loaded anew whenever it, or a file of one-time sequences, has become another. */
  async start(): Promise<void> {
    this.#seen = await this.#look();
    this.#watchFiles();
  }

  /** Loads the file anew, whether it is another or not. However often it is asked for meanwhile, once will do. */
  now(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#enqueue(async () => {
      this.#isDue = false;
      this.#seen = await this.#look();
      await this.#load();
    });
  }

  /** Nothing will be loaded any more. Does not wait long for what is being loaded: the firewall may be locked. */
  async stop(): Promise<void> {
    this.#watch.close();
    await within(STOP_MS, this.#work);
  }

  /** A file that has gone is awaited. That we have marked a one-time sequence as used is no change. */
  async #ifChanged(): Promise<void> {
    const text = await this.#look();
    if (text === null) return;
    const isSame = text === this.#seen;
    this.#seen = text;
    if (isSame && (await this.#parts.oneTime.isCurrent(this.#config).catch(() => true))) return;
    await this.#load();
  }

  /** A file that is wrong changes nothing. */
  async #load(): Promise<void> {
    const { path, read, daemon, log } = this.#parts;
    const before = this.#config;
    try {
      const config = await read();
      log.use(config);
      await daemon.reload(config).catch((error: unknown) => {
        log.use(before);
        throw error;
      });
      this.#config = config;
      log.info(messagesFor(config.compat).reloaded(path));
      this.#watchFiles();
    } catch (error) {
      const text = messageOf(error);
      for (const line of text.split('\n')) log.error(line);
      log.error(`${path} was not loaded, going on as before`);
    }
  }

  #watchFiles(): void {
    const oneTime = [...this.#config.doors.values()].flatMap(({ oneTimeSequences: path }) => path ?? []);
    // A pipe can be read once, and is not to be read again.
    if (isFile(this.#parts.path)) this.#watch.set([this.#parts.path, ...oneTime]);
  }

  async #look(): Promise<string | null> {
    const { path } = this.#parts;
    return isFile(path) ? readFile(path, 'utf8').catch(() => null) : null;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#parts.log.error(String(error)));
  }
}

/** False also where that cannot be told, as of a file in a folder that may not be entered any more. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
