/** The systemd journal, through journalctl -> the kernel's messages as lines, each once, whatever journalctl does. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { LineEvent, Micros, Place } from '../model.ts';
import { bootClock, wallClock } from './clock.ts';
import { lineOf } from './journal-entry.ts';
import { lost, told } from './notice.ts';
import type { Resume } from './place.ts';
import { LineSplitter } from './split.ts';
import { Wake } from './wake.ts';

const POLL_MS = 250;
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
const FIELDS = 'MESSAGE,_TRANSPORT,SYSLOG_FACILITY,_SOURCE_MONOTONIC_TIMESTAMP';
const LF = 10;

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
  let cursor = resume?.from.kind === 'journal' ? resume.from.cursor : null;
  yield told(`the journal: reading ${cursor === null ? 'from its end' : 'on from where it was left'}`);
  const upTo = resume?.upTo.kind === 'journal' && resume.upTo.cursor !== cursor ? resume.upTo.cursor : null;
  const progress = { upTo };
  for (
    let restartMs = FIRST_RESTART_MS;
    !signal.aborted;
    restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS)
  ) {
    const reader = new Reader(journalctl, cursor, progress, signal);
    try {
      for await (const event of reader.events(clock)) {
        if (event.kind === 'lines') restartMs = FIRST_RESTART_MS;
        yield event;
      }
    } finally {
      reader.end();
    }
    cursor = reader.cursor;
    if (signal.aborted) return;
    yield lost(`journalctl has ended (${reader.ending}), starting it again`);
    const pause = new Wake({ pollMs: restartMs, lullMs: 0, signal });
    await pause.next();
    pause.close();
  }
}

type Part = Pick<Extract<LineEvent, { readonly kind: 'lines' }>, 'bytes' | 'again' | 'place'>;

function placeOf(cursor: string | null): Place | null {
  return cursor === null ? null : { kind: 'journal', cursor };
}

/** One run of journalctl. */
class Reader {
  readonly #child: ChildProcess;
  readonly #wake: Wake;
  readonly #signal: AbortSignal;
  /** The entry up to which all was read before; null once it is behind. */
  readonly #progress: { upTo: string | null };
  readonly #splitter = new LineSplitter();
  #cursor: string | null;
  #ending: string | null = null;
  #complaint = '';

  constructor(
    journalctl: string,
    cursor: string | null,
    progress: { upTo: string | null },
    signal: AbortSignal,
  ) {
    this.#progress = progress;
    const from = cursor === null ? ['-n', '0'] : ['--after-cursor', cursor];
    const argv = ['-k', '-f', '-q', '-o', 'json', `--output-fields=${FIELDS}`, ...from];
    this.#cursor = cursor;
    this.#signal = signal;
    this.#wake = new Wake({ pollMs: POLL_MS, lullMs: 0, signal });
    this.#child = spawn(journalctl, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const event of ['readable', 'end']) this.#child.stdout?.on(event, this.#wake.stir);
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaint = text.toString().trim();
    });
    this.#child.on('error', (error) => this.#over(error.message));
    this.#child.on('close', (status, by) => this.#over(this.#complaint || `status ${status ?? by}`));
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  /** The last entry that was handed on. */
  get cursor(): string | null {
    return this.#cursor;
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
    const lines: { readonly again: Buffer[]; readonly fresh: Buffer[] } = { again: [], fresh: [] };
    let pause: string | null = null;
    for (const batch of batches) {
      for (
        let start = 0, end = batch.indexOf(LF);
        end >= 0;
        start = end + 1, end = batch.indexOf(LF, start)
      ) {
        const entry = lineOf(batch.toString('utf8', start, end));
        if (entry === null) continue;
        this.#cursor = entry.cursor ?? this.#cursor;
        (this.#progress.upTo === null ? lines.fresh : lines.again).push(entry.line);
        if (this.#progress.upTo !== null) pause = this.#cursor;
        if (this.#cursor === this.#progress.upTo) this.#progress.upTo = null;
      }
    }
    return [
      { bytes: Buffer.concat(lines.again), again: true, place: placeOf(pause) },
      { bytes: Buffer.concat(lines.fresh), again: false, place: placeOf(this.#cursor) },
    ].filter(({ bytes }) => bytes.length > 0);
  }

  #over(how: string): void {
    this.#ending ??= how;
    this.#wake.stir();
  }
}
