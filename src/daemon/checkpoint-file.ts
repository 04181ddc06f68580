/** Saves how far a log was read to a file in the state folder, so that a restart resumes there. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { LogConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { makeFolder, replaceFileSync } from '../lib/atomic-write.ts';
import type { Checkpoint } from '../source/checkpoint.ts';
import type { Log } from '../telemetry/log.ts';

const place = z.union([
  z.object({
    kind: z.literal('file'),
    dev: z.number(),
    ino: z.number(),
    position: z.int().nonnegative(),
    print: z.string().regex(/^[0-9a-f]*$/),
  }),
  z.object({
    kind: z.literal('journal'),
    cursor: z.string().min(1),
    boot: z.string(),
    monotonicUs: z.number(),
  }),
  z.object({ kind: z.literal('kmsg'), boot: z.string(), sequence: z.int().nonnegative() }),
]);
const resume = z.object({ from: place, upTo: place });

export class CheckpointFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #log: Pick<Log, 'warn'>;
  #hasFailed = false;

  /** One file for each log, so that two daemons on one machine do not take each other's. */
  constructor(state: string, { from, path }: Pick<LogConfig, 'from' | 'path'>, say: Pick<Log, 'warn'>) {
    const name = createHash('sha256').update(`${from} ${path}`).digest('hex').slice(0, 12);
    this.#folder = state;
    this.#path = join(state, `position-${name}.json`);
    this.#log = say;
  }

  /** Null where nothing was saved, or what was is torn: reading then begins as at a first start. */
  read(): Checkpoint | null {
    try {
      return resume.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return null;
    }
  }

  /** Never throws: a position that cannot be saved must not keep a door shut. It is told once. */
  write(position: Checkpoint): void {
    try {
      makeFolder(this.#folder);
      replaceFileSync(this.#path, JSON.stringify(position));
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        this.#log.warn(
          `cannot save the log position in ${this.#folder} (${messageOf(error)}): a daemon that starts now may act again on knocks of the last seconds`,
        );
      }
      this.#hasFailed = true;
    }
  }
}
