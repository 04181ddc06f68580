/** Writes the daemon's own log to the console, a log file and syslog, as the configuration has it. */

import type { Config } from '../config/schema.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import {
  consoleSink,
  type Facts,
  type Form,
  type Log,
  logTo,
  type Sink,
  withLevel,
} from '../telemetry/log.ts';
import { FileSink } from '../telemetry/sink/file.ts';
import { asJson, prioritised, stamped, timed } from '../telemetry/sink/form.ts';
import { isJournal } from '../telemetry/sink/journal-stream.ts';
import { systemLookup, withNames } from '../telemetry/sink/names.ts';
import { SyslogSink } from '../telemetry/sink/syslog.ts';

type Named = Pick<Config, 'logfile' | 'usesyslog' | 'compat' | 'logFormat'>;

const [STDOUT, STDERR] = [1, 2];
const READY: Facts = { event: 'ready' };
const now = (): Date => new Date();
const JSON_FORM = asJson(now);
const TIMED = timed(now);

interface Manners {
  /** Events go to stdout even when they go elsewhere, too. */
  readonly verbose: boolean;
  /** Addresses are followed by their names. */
  readonly lookup: boolean;
  /** What is for debugging is told, on stdout in any case. */
  readonly debug: boolean;
}

export class DaemonLog implements Log {
  readonly #io: Pick<Io, 'stdout' | 'stderr'>;
  readonly #log: Log & { idle?(): Promise<void> };
  #file: FileSink | null = null;
  #syslog: SyslogSink | null = null;
  #syslogTag = '';
  #format: Config['logFormat'] = 'text';
  #compat: Config['compat'] = 'none';
  #logfile: string | null = null;
  readonly #isQuiet: () => boolean;
  readonly #tellsDebug: boolean;
  readonly #onStdout = this.#formOn(STDOUT);
  readonly #onStderr = this.#formOn(STDERR);

  constructor(io: Pick<Io, 'stdout' | 'stderr'>, { verbose, lookup, debug }: Manners) {
    this.#io = io;
    this.#tellsDebug = debug;
    this.#isQuiet = () => !verbose && (this.#file !== null || this.#syslog !== null);
    const manners = { isQuiet: this.#isQuiet, onStdout: this.#onStdout, onStderr: this.#onStderr };
    const plain = logTo(consoleSink(io.stdout, io.stderr, manners), this.#elsewhere());
    this.#log = lookup ? withNames(plain, systemLookup()) : plain;
  }

  /**
   * Opens what this configuration names, anew where it was open: logrotate may have moved the file away.
   *
   * @throws KnocktailError when the log file cannot be opened; the log is then as before
   */
  use({ logfile, usesyslog, compat, logFormat }: Named): void {
    const form = logFormat === 'json' ? JSON_FORM : stamped(now);
    const file = logfile === null ? null : new FileSink(logfile, form, this.#complain);
    this.#format = logFormat;
    this.#compat = compat;
    this.#logfile = logfile;
    this.#file?.close();
    this.#file = file;
    const tag = usesyslog ? (compat === 'knockd' ? 'knockd' : 'knocktail') : '';
    if (tag === this.#syslogTag) return;
    void this.#syslog?.close();
    this.#syslog = tag === '' ? null : new SyslogSink(tag, this.#complain);
    this.#syslogTag = tag;
  }

  readonly debug = (text: string, facts?: Facts): void => {
    if (this.#tellsDebug) this.#log.debug(text, facts);
  };
  readonly info = (text: string, facts?: Facts): void => this.#log.info(text, facts);
  readonly warn = (text: string, facts?: Facts): void => this.#log.warn(text, facts);
  readonly error = (text: string, facts?: Facts): void => this.#log.error(text, facts);

  /** Says it on stdout alone, even when events go elsewhere. */
  onStdout(text: string): void {
    this.#io.stdout.write(`${this.#onStdout('debug', printable(text))}\n`);
  }

  /** Says the first on stdout, come what may, and the second elsewhere. */
  ready(onStdout: string, elsewhere: string): void {
    this.#io.stdout.write(`${this.#onStdout('info', printable(onStdout), READY)}\n`);
    const places = this.#places();
    if (this.#isQuiet())
      this.#io.stdout.write(
        `${this.#onStdout('info', printable(`events go to ${places.join(' and ')}; -v shows them here as well`))}\n`,
      );
    this.#elsewhere().write('info', printable(elsewhere), READY);
  }

  /** Resolves when all that was said has arrived. */
  async close(): Promise<void> {
    await this.#log.idle?.();
    this.#file?.close();
    await this.#syslog?.close();
  }

  /** The format may change with the configuration, what the stream is does not. */
  #formOn(descriptor: number): Form {
    const isOfJournal = isJournal(descriptor);
    // The journal keeps the time of each line, and knockd writes none.
    const text = (): Form => (isOfJournal || this.#compat === 'knockd' ? withLevel : TIMED);
    const form: Form = (...line) => (this.#format === 'json' ? JSON_FORM : text())(...line);
    return isOfJournal ? prioritised(form) : form;
  }

  /** Where events go besides the console. */
  #places(): readonly string[] {
    const syslog = this.#syslogTag === '' ? [] : [`syslog as ${this.#syslogTag} (facility daemon)`];
    return [...(this.#logfile === null ? [] : [this.#logfile]), ...syslog];
  }

  #elsewhere(): Sink {
    return {
      write: (level, text, facts) => {
        this.#file?.write(level, text, facts);
        this.#syslog?.write(level, text);
      },
    };
  }

  readonly #complain = (text: string): void => {
    this.#io.stderr.write(`${this.#onStderr('warn', printable(text))}\n`);
  };
}
