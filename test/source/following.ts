/** A log under test and what was read of it, in a folder that is gone afterwards. */

import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LineEvent, LineSource } from '../../src/model.ts';
import { type FollowOptions, followFile } from '../../src/source/file.ts';
import { scratchFolder } from '../lab/scratch-folder.ts';

/** The path of a log that is not there yet, in a folder of its own. */
export function logPath(name = 'kern.log'): string {
  const folder = scratchFolder();
  return join(folder, name);
}

/** How many descriptors this process holds on files whose path, at the time of opening, begins so. */
export function descriptorsOn(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      return false;
    }
  }).length;
}

/** An event with bytes of its own: a source writes over those that it has handed on. */
export function kept(event: LineEvent): LineEvent {
  return event.kind === 'lines' ? { ...event, bytes: Buffer.from(event.bytes) } : event;
}

/** A source that is read as fast as it goes, in the background, until the test ends. */
export class Following {
  readonly events: LineEvent[] = [];
  readonly ended: Promise<void>;
  #waiting: { readonly isDue: () => boolean; readonly resolve: () => void }[] = [];
  #stop: () => void;

  constructor(source: LineSource, stop: () => void) {
    this.#stop = stop;
    this.ended = this.#readAll(source);
    onTestFinished(() => this.stop());
  }

  get bytes(): Buffer {
    return Buffer.concat(this.events.flatMap((event) => (event.kind === 'lines' ? [event.bytes] : [])));
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  get notices(): string[] {
    return this.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  }

  /** Resolves when all that stands in the log now is said to have been handed on. */
  async settled(): Promise<void> {
    const now = Date.now() * 1000;
    await this.until(() => {
      const last = this.events.findLast((event) => event.kind === 'drained');
      return last !== undefined && last.at > now;
    });
  }

  until(isDue: () => boolean): Promise<void> {
    if (isDue()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isDue, resolve }));
  }

  async stop(): Promise<void> {
    this.#stop();
    await this.ended;
  }

  async #readAll(source: LineSource): Promise<void> {
    for await (const event of source) {
      this.events.push(kept(event));
      const due = this.#waiting.filter(({ isDue }) => isDue());
      this.#waiting = this.#waiting.filter((waiting) => !due.includes(waiting));
      for (const { resolve } of due) resolve();
    }
  }
}

/** Follows a log, from its start unless told otherwise, once it has been looked at. */
export async function follow(path: string, options: Partial<FollowOptions> = {}): Promise<Following> {
  const stopping = new AbortController();
  const source = followFile(path, { from: 'start', signal: stopping.signal, ...options });
  const following = new Following(source, () => stopping.abort());
  await following.until(() => following.events.length > 0);
  return following;
}
