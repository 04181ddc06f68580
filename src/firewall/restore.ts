/** Feeds batches of changes to one long-lived iptables-restore, which acknowledges each batch. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { childEnvironment } from '../lib/environment.ts';

/** How long a new one may take to say that it is there. */
const START_LIMIT_MS = 3_000;
/** After so many in a row that did not, no other is tried. */
const MOST_FAILED_STARTS = 3;
/** Between the end of its input and its own. */
const GRACE_MS = 1_000;
/** No line that it is to say is longer. */
const LINE_BYTES = 256;

/**
 * `failed`: of this batch nothing was done, or, where the helper was killed at an unlucky moment, all.
 * `no helper`: nothing was tried.
 */
export type Committed = 'done' | 'failed' | 'no helper';

/**
 * Observed with 1.8.9, nft and legacy: `--noflush` leaves alone what no line names. Each `COMMIT` acts at once, all or
 * nothing, and an idle one holds no lock. `--verbose` writes each comment line back when it comes to it, so that one
 * after a COMMIT acknowledges it. A line that it does not take ends it.
 */
export class Restore {
  readonly #iptables: string;
  readonly #path: string;
  readonly #timeLimitMs: number;
  #helper: Helper | null = null;
  #starting: Promise<void> | null = null;
  #failedStarts = 0;
  #isClosed = false;

  /** @param iptables the program whose changes it is to make; its iptables-restore has that name and `-restore` */
  constructor(iptables: string, timeLimitMs: number) {
    this.#iptables = iptables;
    this.#path = `${iptables}-restore`;
    this.#timeLimitMs = timeLimitMs;
  }

  /** Sees to it that there is one, so that the next batch need not wait. Resolves to whether there is. */
  async start(): Promise<boolean> {
    if (this.#helper?.lives === true) return true;
    if (this.#isClosed || this.#failedStarts >= MOST_FAILED_STARTS) return false;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    await this.#starting;
    return this.#helper !== null;
  }

  /** Makes all of these changes to the table `filter`, or none. One batch at a time, please. */
  async commit(lines: readonly string[]): Promise<Committed> {
    const started = this.start();
    // No batch waits twice for one that does not come.
    if (this.#failedStarts === 0) await started;
    const helper = this.#helper;
    if (helper?.lives !== true) return 'no helper';
    if (await helper.feed(['*filter', ...lines, 'COMMIT'], this.#timeLimitMs)) return 'done';
    await helper.end();
    // The next batch finds one that has started meanwhile.
    void this.start();
    return 'failed';
  }

  /** Resolves when no process is left of it; it starts none any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting;
    await this.#helper?.end();
  }

  async #start(): Promise<void> {
    this.#helper = null;
    const kind = await kindOf(this.#path);
    const isSame = kind !== null && kind === (await kindOf(this.#iptables));
    const helper = isSame ? helperOf(this.#path) : null;
    if (helper !== null && (await helper.feed([], START_LIMIT_MS))) {
      this.#failedStarts = 0;
      this.#helper = helper;
    } else {
      this.#failedStarts++;
      await helper?.end();
    }
  }
}

/** Null where the machine has no room for another process: Node then throws (ENOMEM), or fails later. */
function helperOf(path: string): Helper | null {
  try {
    return new Helper(path);
  } catch {
    return null;
  }
}

/** `nf_tables` or `legacy`: the changes of one are not seen by the other. Null where the program does not run. */
export async function kindOf(path: string): Promise<string | null> {
  try {
    const options = { timeout: START_LIMIT_MS, killSignal: 'SIGKILL', env: childEnvironment() } as const;
    const { stdout } = await promisify(execFile)(path, ['--version'], options);
    return /\((\w+)\)/.exec(stdout)?.[1] ?? 'legacy';
  } catch {
    return null;
  }
}

/** One process. It keeps ours alive only while a batch is under way, and ends with it: its input does, then. */
class Helper {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #lives = true;
  #batches = 0;
  #unfinished = '';
  #hear: (line: string) => void = () => undefined;

  constructor(path: string) {
    // Whatever it complains of is asked again of an iptables of its own, which says it better.
    this.#child = spawn(path, ['--noflush', '--verbose', '-w'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: childEnvironment(),
    });
    this.#closed = new Promise((resolve) => {
      const gone = (): void => {
        this.#lives = false;
        resolve();
      };
      this.#child.on('error', gone).on('close', gone);
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#take(bytes.toString('latin1')));
    this.#child.unref();
    for (const pipe of [this.#child.stdin, this.#child.stdout]) if (pipe instanceof Socket) pipe.unref();
  }

  get lives(): boolean {
    return this.#lives;
  }

  /** Resolves to whether it came to the end of these lines in time. */
  async feed(lines: readonly string[], limitMs: number): Promise<boolean> {
    const mark = `# knocktail ${++this.#batches}`;
    this.#child.ref();
    let limit: NodeJS.Timeout | undefined;
    const heard = new Promise<boolean>((resolve) => {
      this.#hear = (line) => line === mark && resolve(true);
      limit = setTimeout(resolve, limitMs, false);
    });
    this.#child.stdin?.write(`${[...lines, mark].join('\n')}\n`);
    const isHeard = await Promise.race([heard, this.#closed.then(() => false)]);
    clearTimeout(limit);
    this.#child.unref();
    return isHeard;
  }

  /** Asks it to end, and makes it. */
  async end(): Promise<void> {
    if (!this.#lives) return;
    this.#child.ref();
    this.#child.stdin?.end();
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS);
    await this.#closed;
    clearTimeout(limit);
  }

  #take(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = (lines.pop() ?? '').slice(-LINE_BYTES);
    for (const line of lines) this.#hear(line);
  }
}
