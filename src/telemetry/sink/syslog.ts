/** Writes log messages to syslog, with facility daemon and priority notice, as knockd does. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { messageOf } from '../../errors.ts';
import { childEnvironment } from '../../lib/environment.ts';
import { systemProgram } from '../../lib/permissions.ts';
import { type Sink, withLevel } from '../log.ts';

const LOGGER = 'logger';
const PRIORITY = 'daemon.notice';
/** What may wait for a syslog that does not take it. */
const MOST_WAITING_BYTES = 1024 * 1024;
const RESTART_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;

/**
 * Node has no Unix datagram sockets, so one `logger` speaks to syslog for as long as the daemon lives; one
 * that ends is started again.
 */
export class SyslogSink implements Sink {
  readonly #argv: readonly string[];
  readonly #complain: (text: string) => void;
  /** Null where not even a process could be made. */
  #child: ChildProcess | null;
  /** When it was last seen to end, or tried to begin. */
  #endedAt = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #isClosing = false;

  /** @param complain hears what logger says on stderr, and of lines that were lost */
  constructor(tag: string, complain: (text: string) => void, logger = systemProgram(LOGGER) ?? LOGGER) {
    this.#argv = [logger, '-t', tag, '-p', PRIORITY];
    this.#complain = complain;
    this.#child = this.#start();
  }

  write(level: Parameters<Sink['write']>[0], text: string): void {
    if (this.#hasEnded() && performance.now() - this.#endedAt >= RESTART_MS) this.#child = this.#start();
    const stdin = this.#hasEnded() ? null : this.#child?.stdin;
    if (!stdin || stdin.writableLength > MOST_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) stdin.write(`${this.#lost} lines were lost here\n`);
    this.#lost = 0;
    stdin.write(`${withLevel(level, text)}\n`);
  }

  /** Resolves when all has been handed over, or that takes too long. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const child = this.#child;
    if (child === null || this.#hasEnded()) return;
    const ended = once(child, 'close');
    child.stdin?.end();
    const limit = setTimeout(() => child.kill('SIGKILL'), CLOSE_LIMIT_MS);
    await ended.finally(() => clearTimeout(limit));
  }

  #start(): ChildProcess | null {
    this.#endedAt = performance.now();
    const child = this.#spawn();
    child?.on('error', this.#tellWhy);
    // Both tell of a logger that is no more, and so does `close`.
    child?.stdin?.on('error', () => undefined);
    child?.stderr?.on('data', (text: Buffer) => this.#complain(`logger: ${text.toString().trim()}`));
    child?.on('close', (status) => {
      this.#endedAt = performance.now();
      if (!this.#isClosing) this.#complain(`logger has ended (status ${status}), lines are lost`);
    });
    return child;
  }

  /** Without a descriptor left Node gives a child that has no streams; without memory it throws. */
  #spawn(): ChildProcess | null {
    const [logger = '', ...args] = this.#argv;
    try {
      return spawn(logger, args, {
        stdio: ['pipe', 'ignore', 'pipe'],
        detached: true,
        env: childEnvironment(),
      });
    } catch (error) {
      this.#tellWhy(error);
      return null;
    }
  }

  readonly #tellWhy = (error: unknown): void => this.#complain(`syslog cannot be told: ${messageOf(error)}`);

  #hasEnded(): boolean {
    const { exitCode = null, signalCode = null, pid } = this.#child ?? {};
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}
