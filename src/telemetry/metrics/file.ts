/** Writes metrics to a file for the textfile collector of the Prometheus node exporter. */

import { messageOf } from '../../errors.ts';
import { replaceFile } from '../../lib/atomic-write.ts';

/** Node exporters are asked four times a minute at most, as a rule. */
const EVERY_MS = 15_000;
/** The collector runs as a user of its own. */
const READABLE = 0o644;

export interface MetricsParts {
  /** The file; null where there is to be none. */
  readonly path: () => string | null;
  readonly text: () => string;
  readonly warn: (text: string) => void;
}

/** The collector takes files whose names end in `.prom`, so it never sees one that is half written. */
export class MetricsFile {
  readonly #parts: MetricsParts;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | null = null;
  #hasFailed = false;

  constructor(parts: MetricsParts) {
    this.#parts = parts;
  }

  /** Writes it now, and every 15 seconds from now on. */
  start(everyMs = EVERY_MS): void {
    this.#tick();
    this.#timer = setInterval(() => this.#tick(), everyMs).unref();
  }

  /** Writes it once more. Without a start before there is nothing to end. */
  async close(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  /** A disk that is slow gets no second file to write beside the first. */
  #tick(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Never rejects: no metric is worth a knock. A failure is told once. */
  async #write(): Promise<void> {
    const { path, text, warn } = this.#parts;
    const file = path();
    if (file === null) return;
    try {
      await replaceFile(file, async (handle) => {
        await handle.chmod(READABLE);
        await handle.writeFile(text());
      });
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed)
        warn(`metrics cannot be written: ${messageOf(error)}, see to the folder of ${file}`);
      this.#hasFailed = true;
    }
  }
}
