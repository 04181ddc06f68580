/** The systemd journal, through journalctl -> the kernel's messages as lines, each once, whatever journalctl does. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { LineEvent, Micros } from '../model.ts';
import { bootClock, wallClock } from './clock.ts';
import { type JournalPlace, lineOf } from './journal-entry.ts';
import { lost, told } from './notice.ts';
import type { Resume } from './place.ts';
import { LineSplitter } from './split.ts';
import { Wake } from './wake.ts';

const POLL_MS = 250;
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
const FIELDS = 'MESSAGE,_TRANSPORT,SYSLOG_FACILITY,_SOURCE_MONOTONIC_TIMESTAMP';

export interface JournalOptions {
  /** The absolute path of journalctl. */
  readonly journalctl: string;
  readonly signal: AbortSignal;
  readonly clock?: () => Micros;
  /** Where another has left off, and how far before that to begin. */
  readonly resume?: Resume | null;
}

/** What the journal has of the kernel from now on. A journalctl that ends is started again after its last entry. */
export async function* followJournal({
  journalctl,
  signal,
  clock = wallClock,
  resume = null,
}: JournalOptions): AsyncGenerator<LineEvent, void, void> {
  let last = resume?.from.kind === 'journal' ? resume.from : null;
  const upTo = resume?.upTo.kind === 'journal' ? resume.upTo : null;
  yield told(`the journal: reading ${last === null ? 'from its end' : 'on from where it was left'}`);
  for (
    let restartMs = FIRST_RESTART_MS;
    !signal.aborted;
    restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS)
  ) {
    const reader = new Reader(journalctl, last, upTo, signal);
    try {
      for await (const event of reader.events(clock)) {
        if (event.kind === 'lines') restartMs = FIRST_RESTART_MS;
        yield event;
      }
    } finally {
      reader.end();
    }
    // A place that journalctl cannot go to, as of a journal that is gone, would end each one that is started.
    last = reader.last;
    if (signal.aborted) return;
    yield lost(`journalctl has ended (${reader.ending}), starting it again`);
    const pause = new Wake({ pollMs: restartMs, lullMs: 0, signal });
    await pause.next();
    pause.close();
  }
}

type Part = Pick<Extract<LineEvent, { readonly kind: 'lines' }>, 'bytes' | 'again' | 'place'>;

/** One run of journalctl. */
class Reader {
  readonly #child: ChildProcess;
  readonly #wake: Wake;
  readonly #signal: AbortSignal;
  /** The entry up to which all was read before. */
  readonly #upTo: JournalPlace | null;
  readonly #splitter = new LineSplitter();
  #last: JournalPlace | null = null;
  #ending: string | null = null;
  #complaint = '';

  constructor(
    journalctl: string,
    after: JournalPlace | null,
    upTo: JournalPlace | null,
    signal: AbortSignal,
  ) {
    this.#upTo = upTo;
    const from = after === null ? ['-n', '0'] : ['--after-cursor', after.cursor];
    const argv = ['-k', '-f', '-q', '-o', 'json', `--output-fields=${FIELDS}`, ...from];
    this.#signal = signal;
    this.#wake = new Wake({ pollMs: POLL_MS, lullMs: 0, signal });
    this.#child = spawn(journalctl, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const event of ['readable', 'end']) this.#child.stdout?.on(event, this.#wake.stir);
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaint = text.toString().trim();
    });
    this.#child.on('error', (error) => this.#over(error.message));
    this.#child.on('close', (status, by) => this.#over(this.#complaint || `status ${status ?? by}`));
  }

  /** The last entry that was handed on; null where there was none. */
  get last(): JournalPlace | null {
    return this.#last;
  }

  get ending(): string {
    return this.#ending ?? 'not yet';
  }

  async *events(clock: () => Micros): AsyncGenerator<LineEvent, void, void> {
    for (let isOver = false; !isOver && !this.#signal.aborted; ) {
      const at = clock();
      isOver = this.#ending !== null;
      for (let chunk: Buffer | null = this.#read(); chunk !== null; chunk = this.#read()) {
        for (const part of this.#convert(this.#splitter.push(chunk))) {
          yield { kind: 'lines', ...part, readAt: clock(), bootedAt: bootClock() };
        }
      }
      yield { kind: 'drained', at };
      if (!isOver) await this.#wake.next();
    }
  }

  end(): void {
    this.#wake.close();
    this.#child.kill('SIGTERM');
  }

  #read(): Buffer | null {
    return this.#child.stdout?.read() ?? null;
  }

  /** Entries of the journal as lines of a log, those that were read before apart from the others. */
  #convert(batches: readonly Buffer[]): Part[] {
    const texts = batches.flatMap((batch) => batch.toString('utf8').split('\n'));
    const entries = texts.map(lineOf).filter((entry) => entry !== null);
    this.#last = entries.at(-1)?.place ?? this.#last;
    return [true, false].flatMap((again) => {
      const some = entries.filter(({ place }) => this.#isBehind(place) === again);
      const place = some.at(-1)?.place;
      return place === undefined
        ? []
        : [{ bytes: Buffer.concat(some.map(({ line }) => line)), again, place }];
    });
  }

  /** Of another boot nothing was: the journal shows the present one alone. */
  #isBehind({ boot, monotonicUs }: JournalPlace): boolean {
    return this.#upTo !== null && this.#upTo.boot === boot && monotonicUs <= this.#upTo.monotonicUs;
  }

  #over(how: string): void {
    this.#ending ??= how;
    this.#wake.stir();
  }
}
