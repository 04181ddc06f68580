/** A configuration -> the real daemon running on it, with its words shown as they come. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** From dist-demo/demo to what is demonstrated. */
export const DAEMON = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
export const CLIENT = fileURLToPath(new URL('../../dist/knock.js', import.meta.url));
const PATIENCE_MS = 10_000;

export class ShownDaemon {
  readonly #child: ChildProcess;
  readonly #said: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        show('knocktail', line);
        this.#said.push(line);
        for (const look of this.#waiting) look();
      });
    }
  }

  /** Waits until the daemon has said a line that holds this text. */
  async says(text: string): Promise<void> {
    let look = (): void => undefined;
    const heard = new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`the daemon did not say "${text}"`)), PATIENCE_MS);
      look = () => {
        if (!this.#said.some((line) => line.includes(text))) return;
        clearTimeout(limit);
        resolve();
      };
    });
    this.#waiting.add(look);
    look();
    await heard.finally(() => this.#waiting.delete(look));
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

export function show(who: string, text: string): void {
  for (const line of text.trimEnd().split('\n')) process.stdout.write(`  ${who.padEnd(9)} | ${line}\n`);
}

export function step(text: string): void {
  process.stdout.write(`\n${text}\n`);
}
