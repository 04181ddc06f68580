/** Operation -> what iptables answers: the only file that runs it. */

import { type ExecFileException, execFile } from 'node:child_process';
import { basename } from 'node:path';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { commandLine } from './listing.ts';
import { argvOf, type Operation } from './operation.ts';

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

/** One iptables program. It runs one operation at a time, in the order in which they were asked. */
export class Iptables {
  readonly name: string;
  readonly #path: string;
  readonly #timeLimitMs: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, timeLimitMs = TIME_LIMIT_MS) {
    this.name = basename(path);
    this.#path = path;
    this.#timeLimitMs = timeLimitMs;
  }

  /**
   * Resolves to a refusal where iptables itself said no.
   *
   * @throws KnocktailError 69 when it cannot be run or does not answer in time, 77 when it may not
   */
  run(operation: Operation): Promise<Answer> {
    const answer = this.#last.then(() => this.#spawn(argvOf(operation)));
    this.#last = answer.catch(() => undefined);
    return answer;
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
