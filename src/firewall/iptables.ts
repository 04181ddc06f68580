/** Runs operations: one iptables process per query, and one long-lived iptables-restore for changes. */

import { type ExecFileException, execFile } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { EXIT, KnocktailError } from '../errors.ts';
import { childEnvironment } from '../lib/environment.ts';
import { isProgram } from '../lib/permissions.ts';
import { commandLine } from '../lib/shell-quote.ts';
import { argvOf, type Change, type Operation, restoreLine } from './operation.ts';
import { type Committed, kindOf, Restore } from './restore.ts';

/** With `-w` iptables waits for the lock without end. */
const TIME_LIMIT_MS = 20_000;
/** Bytes; a listing of some 100,000 rules. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Said on success too, and with a failure they are not its reason. */
const NOISE = /^#? ?Warning: |^Try `/;

const MAY_NOT = /permission denied|must be root|not permitted/i;

/** Why iptables did not do what it was asked; told by its words, since its statuses say little. */
export type Refusal =
  /** No such chain or rule. */
  | 'missing'
  | 'chain exists'
  /** The kernel has no packet filter for this program, or for this address family. */
  | 'no family'
  /** nft has made the table or the chain in a way that iptables cannot read. */
  | 'foreign'
  /** It took too long: somebody else holds the lock, most likely. */
  | 'no answer'
  /** It could not be run, or may not do it. */
  | 'unable'
  | 'other';

/**
 * Observed with 1.8.9, nft and legacy. The nft variant calls a chain that is not there "incompatible" when it is
 * to be listed.
 */
const REFUSALS: readonly (readonly [Refusal, RegExp])[] = [
  ['missing', /does a matching rule exist|No chain\/target\/match by that name|is incompatible, use 'nft'/],
  ['chain exists', /Chain already exists|File exists/],
  [
    'no family',
    /can't initialize|not supported|Could not fetch rule set generation id|Failed to initialize nft/,
  ],
];
/** Of a chain of the kernel's own, which is always there, "incompatible" means what it says. */
const FOREIGN =
  /chain `(?:INPUT|FORWARD|OUTPUT)' in table `\w+' is incompatible|(?:^|: )table `\w+' is incompatible/;
const OTHER_KIND =
  'load the kernel modules that it needs, or name the other one: firewall.iptables: nft or legacy';
const NATIVE =
  'nft made this table: move its rules to a table of another name, or open doors by start_command (docs/setup.md)';

/** The machine has no room for another process; Node throws some of these where it could have told them. */
const NO_ROOM = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'];

/** Refusals of one operation that go for all others, too. */
export const HOPELESS: readonly Refusal[] = ['no answer', 'unable'];

export type Answer =
  | { readonly done: true; readonly text: string }
  | { readonly done: false; readonly refusal: Refusal; readonly error: KnocktailError };

export type Failure = Extract<Answer, { readonly done: false }>;

/** One iptables program. It does one thing at a time, in the order in which they were asked. */
export class Iptables {
  readonly name: string;
  readonly timeLimitMs: number;
  readonly #path: string;
  readonly #restore: Restore;
  #last: Promise<unknown> = Promise.resolve();
  #isNft: Promise<boolean> | null = null;

  constructor(path: string, timeLimitMs = TIME_LIMIT_MS) {
    this.name = basename(path);
    this.#path = path;
    this.timeLimitMs = timeLimitMs;
    this.#restore = new Restore(path, timeLimitMs);
  }

  /** Whether its rules are in tables of nft. */
  isNft(): Promise<boolean> {
    this.#isNft ??= kindOf(this.#path).then((kind) => kind === 'nf_tables');
    return this.#isNft;
  }

  /** The path of `nft`, in the same folder: one from elsewhere may act in another network namespace. Null without one. */
  get nft(): string | null {
    const path = join(dirname(this.#path), 'nft');
    return isProgram(path) ? path : null;
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
   * @param hopeless further refusals of one that go for all that follow
   */
  async each(
    operations: readonly Operation[],
    hopeless: readonly Refusal[] = [],
  ): Promise<readonly Answer[]> {
    let last: Answer | null = null;
    const answers: Answer[] = [];
    for (const operation of operations) {
      const isHopeless = last !== null && !last.done && [...HOPELESS, ...hopeless].includes(last.refusal);
      if (last === null || !isHopeless) last = await this.run(operation);
      answers.push(last);
    }
    return answers;
  }

  /** Like `run`, for what changes nothing: nobody waits for it, and it for nobody. */
  look(operation: Extract<Operation, { readonly op: 'list' | 'list-all' | 'probe-chain' }>): Promise<Answer> {
    return this.#spawn(argvOf(operation));
  }

  /**
   * Resolves to a refusal where iptables said no, or nothing. Its error has the exit code 69 when it could not be run or
   * did not answer in time, 77 when it may not do it.
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
    const options = {
      timeout: this.timeLimitMs,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_LIMIT,
      env: childEnvironment(),
    } as const;
    const answer = new Promise<Answer>((resolve) => {
      execFile(this.#path, argv, options, (error, stdout, stderr) => {
        resolve(error === null ? { done: true, text: stdout } : this.#failure(argv, error, ownWords(stderr)));
      });
    });
    return answer.catch((error: Error) => this.#failure(argv, error, ''));
  }

  #failure(argv: readonly string[], error: ExecFileException, words: string): Answer {
    const fail = (refusal: Refusal, what: string, remedy?: string): Answer => {
      const where = commandLine([this.name, ...argv]);
      const exitCode = what === words && MAY_NOT.test(words) ? EXIT.NO_PERMISSION : EXIT.UNAVAILABLE;
      const parts = { exitCode, where, ...(remedy === undefined ? {} : { remedy }) };
      return { done: false, refusal, error: new KnocktailError(what, parts) };
    };
    if (error.killed === true && error.signal === 'SIGKILL') {
      const what = `no answer within ${this.timeLimitMs / 1000} s`;
      return fail('no answer', what, 'see which program holds /run/xtables.lock');
    }
    if (typeof error.code === 'string') {
      const remedy = NO_ROOM.includes(error.code)
        ? 'raise the limits of the service: LimitNOFILE=, TasksMax=, MemoryMax='
        : `see to ${this.#path} or name another in firewall.iptables`;
      return fail('unable', `cannot be run: ${error.code}`, remedy);
    }
    if (MAY_NOT.test(words)) return fail('unable', words, 'run as root or give the service CAP_NET_ADMIN');
    if (FOREIGN.test(words)) return fail('foreign', words.replace(/\.$/, ''), NATIVE);
    const refusal = REFUSALS.find(([, pattern]) => pattern.test(words))?.[0] ?? 'other';
    if (refusal === 'no family') return fail(refusal, words, OTHER_KIND);
    const ended = error.code == null ? `ended by ${error.signal}` : `failed with status ${error.code}`;
    return fail(refusal, words || ended);
  }
}

/** Whether this iptables cannot filter packets here at all: the kernel lacks it, or nft has made its table. */
export function isHopeless(refusal: Refusal): boolean {
  return refusal === 'no family' || refusal === 'foreign';
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
