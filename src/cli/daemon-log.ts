/** What the configuration says of the daemon's own log -> the console, a log file and syslog. */

import type { Config } from '../config/schema.ts';
import { consoleSink, type Log, logTo, printable, type Sink } from '../log.ts';
import { FileSink } from '../sink/file.ts';
import { systemLookup, withNames } from '../sink/names.ts';
import { SyslogSink } from '../sink/syslog.ts';
import type { Io } from './io.ts';

interface Manners {
  /** Events go to stdout even when they go elsewhere, too. */
  readonly verbose: boolean;
  /** Addresses are followed by their names. */
  readonly lookup: boolean;
}

export class DaemonLog implements Log {
  readonly #io: Pick<Io, 'stdout' | 'stderr'>;
  readonly #log: Log & { idle?(): Promise<void> };
  #file: FileSink | null = null;
  #syslog: SyslogSink | null = null;
  #syslogTag = '';

  constructor(io: Pick<Io, 'stdout' | 'stderr'>, { verbose, lookup }: Manners) {
    this.#io = io;
    const isQuiet = (): boolean => !verbose && (this.#file !== null || this.#syslog !== null);
    const plain = logTo(consoleSink(io.stdout, io.stderr, isQuiet), this.#elsewhere());
    this.#log = lookup ? withNames(plain, systemLookup()) : plain;
  }

  /**
   * Opens what this configuration names, anew where it was open: logrotate may have moved the file away.
   *
   * @throws KnocktailError when the log file cannot be opened; the log is then as before
   */
  use({ logfile, usesyslog, compat }: Pick<Config, 'logfile' | 'usesyslog' | 'compat'>): void {
    const file = logfile === null ? null : new FileSink(logfile, () => new Date(), this.#complain);
    this.#file?.close();
    this.#file = file;
    const tag = usesyslog ? (compat === 'knockd' ? 'knockd' : 'knocktail') : '';
    if (tag === this.#syslogTag) return;
    void this.#syslog?.close();
    this.#syslog = tag === '' ? null : new SyslogSink(tag, this.#complain);
    this.#syslogTag = tag;
  }

  readonly info = (text: string): void => this.#log.info(text);
  readonly warn = (text: string): void => this.#log.warn(text);
  readonly error = (text: string): void => this.#log.error(text);

  /** Says the first on stdout, come what may, and the second elsewhere. */
  ready(onStdout: string, elsewhere: string): void {
    this.#io.stdout.write(`${printable(onStdout)}\n`);
    this.#elsewhere().write('info', printable(elsewhere));
  }

  /** Resolves when all that was said has arrived. */
  async close(): Promise<void> {
    await this.#log.idle?.();
    this.#file?.close();
    await this.#syslog?.close();
  }

  #elsewhere(): Sink {
    return {
      write: (level, text) => {
        this.#file?.write(level, text);
        this.#syslog?.write(level, text);
      },
    };
  }

  readonly #complain = (text: string): void => {
    this.#io.stderr.write(`warning: ${printable(text)}\n`);
  };
}
