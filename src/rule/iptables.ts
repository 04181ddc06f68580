/** Operations -> what iptables answers: what is asked goes to an iptables each, changes to iptables-restore. */

import { type ExecFileException, execFile } from 'node:child_process';
import { basename } from 'node:path';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { commandLine } from './listing.ts';
import { argvOf, type Change, type Operation, restoreLine } from './operation.ts';
import { type Committed, Restore } from './restore.ts';

/** With `-w` iptables waits for the lock without end. */
const TIME_LIMIT_MS = 20_000;
/** Bytes; a listing of some 100,000 rules. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Said on success too, and with a failure they are not its reason. */
const NOISE = /^#? ?Warning: |^Try `/;

/** Why iptables did not do what it was asked; told by its words, since its statuses say little. */
export type Refusal =
  /** No such chain or rule. */
  | 'missing'
  | 'chain exists'
  /** The kernel has no packet filter for this address family. */
  | 'no family'
  /** It could not be run, did not answer, or may not do it. */
  | 'unable'
  | 'other';

/**
 * Observed with 1.8.9, nft and legacy. The nft variant calls a chain that is not there "incompatible" when it is
 * to be listed.
 */
const REFUSALS: readonly (readonly [Refusal, RegExp])[] = [
  ['missing', /does a matching rule exist|No chain\/target\/match by that name|is incompatible, use 'nft'/],
  ['chain exists', /Chain already exists/],
  ['no family', /can't initialize|not supported/],
];

export type Answer =
  | { readonly done: true; readonly text: string }
  | { readonly done: false; readonly refusal: Refusal; readonly error: KnocktailError };

/** One iptables program. It does one thing at a time, in the order in which they were asked. */
export class Iptables {
  readonly name: string;
  readonly #path: string;
  readonly #timeLimitMs: number;
  readonly #restore: Restore;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, timeLimitMs = TIME_LIMIT_MS) {
    this.name = basename(path);
    this.#path = path;
    this.#timeLimitMs = timeLimitMs;
    this.#restore = new Restore(path, timeLimitMs);
  }

  /** Gets ready for batches. Resolves to whether they can be had. */
  ready(): Promise<boolean> {
    return this.#restore.start();
  }

  /** Resolves when no process is left that it has started. */
  async close(): Promise<void> {
    await this.#last;
    await this.#restore.close();
  }

  /** Makes all of these changes in one batch, or none. */
  commit(changes: readonly Change[]): Promise<Committed> {
    return this.#inTurn(async () => {
      const lines = changes.map(restoreLine).filter((line) => line !== null);
      return lines.length < changes.length ? 'no helper' : this.#restore.commit(lines);
    });
  }

  /**
   * Does as many of these as it can, each by itself.
   *
   * @param hopeless refusals of one that go for all that follow
   */
  async each(
    operations: readonly Operation[],
    hopeless: readonly Refusal[] = ['unable'],
  ): Promise<readonly Answer[]> {
    let last: Answer | null = null;
    const answers: Answer[] = [];
    for (const operation of operations) {
      const isHopeless = last !== null && !last.done && hopeless.includes(last.refusal);
      if (last === null || !isHopeless) last = await this.run(operation).catch(unableTo);
      answers.push(last);
    }
    return answers;
  }

  /** Like `run`, for what changes nothing: nobody waits for it, and it for nobody. */
  look(operation: Extract<Operation, { readonly op: 'list' }>): Promise<Answer> {
    return this.#spawn(argvOf(operation));
  }

  /**
   * Resolves to a refusal where iptables itself said no.
   *
   * @throws KnocktailError 69 when it cannot be run or does not answer in time, 77 when it may not
   */
  run(operation: Operation): Promise<Answer> {
    return this.#inTurn(() => this.#spawn(argvOf(operation)));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #spawn(argv: readonly string[]): Promise<Answer> {
    const options = { timeout: this.#timeLimitMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_LIMIT } as const;
    return new Promise((resolve, reject) => {
      execFile(this.#path, argv, options, (error, stdout, stderr) => {
        if (error === null) return resolve({ done: true, text: stdout });
        const answer = this.#failure(argv, error, ownWords(stderr));
        return answer instanceof KnocktailError ? reject(answer) : resolve(answer);
      });
    });
  }

  #failure(argv: readonly string[], error: ExecFileException, words: string): Answer | KnocktailError {
    const fail = (what: string, exitCode: ExitCode, remedy?: string): KnocktailError => {
      const where = commandLine([this.name, ...argv]);
      return new KnocktailError(what, { exitCode, where, ...(remedy === undefined ? {} : { remedy }) });
    };
    if (error.killed === true && error.signal === 'SIGKILL') {
      const what = `no answer within ${this.#timeLimitMs / 1000} s`;
      return fail(what, EXIT.UNAVAILABLE, 'see which program holds /run/xtables.lock');
    }
    if (typeof error.code === 'string') {
      const what = `cannot be run: ${error.code}`;
      return fail(what, EXIT.UNAVAILABLE, `see to ${this.#path} or name another in firewall.iptables`);
    }
    if (/permission denied|must be root|not permitted/i.test(words)) {
      return fail(words, EXIT.NO_PERMISSION, 'run as root or give the service CAP_NET_ADMIN');
    }
    const refusal = REFUSALS.find(([, pattern]) => pattern.test(words))?.[0] ?? 'other';
    const ended = error.code == null ? `ended by ${error.signal}` : `failed with status ${error.code}`;
    return { done: false, refusal, error: fail(words || ended, EXIT.UNAVAILABLE) };
  }
}

/** What was thrown at one operation, as the answer to it. Faults of our own are thrown on. */
export function unableTo(error: unknown): Answer {
  if (error instanceof KnocktailError) return { done: false, refusal: 'unable', error };
  throw error;
}

/** @throws KnocktailError the refusal's */
export function expectDone(answer: Answer): string {
  if (answer.done) return answer.text;
  throw answer.error;
}

function ownWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => !NOISE.test(line));
  return (telling.length > 0 ? telling : lines).map((line) => line.trim()).join('; ');
}
