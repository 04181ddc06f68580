/** Lines of the log -> a file, in the form of knockd's: `[YYYY-MM-DD HH:MM] text`, in local time. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { EXIT, KnocktailError } from '../errors.ts';
import { type Sink, withLevel } from '../log.ts';

/** Appends to a file. Each line is written before the call returns, so that none dies with the process. */
export class FileSink implements Sink {
  readonly #path: string;
  readonly #now: () => Date;
  readonly #complain: (text: string) => void;
  readonly #file: number;
  #hasFailed = false;

  /**
   * @param complain hears once of a file that cannot be written, and again when it failed anew
   * @throws KnocktailError when the file cannot be opened
   */
  constructor(path: string, now: () => Date, complain: (text: string) => void) {
    this.#path = path;
    this.#now = now;
    this.#complain = complain;
    this.#file = openLog(path);
  }

  write(level: Parameters<Sink['write']>[0], text: string): void {
    try {
      writeSync(this.#file, `[${stamp(this.#now())}] ${withLevel(level, text)}\n`);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#complain(`${this.#path}: lines are lost: ${String(error)}`);
      this.#hasFailed = true;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o640);
  } catch (cause) {
    throw new KnocktailError('the log file cannot be opened', {
      where: path,
      value: String(cause),
      exitCode: EXIT.IO,
      remedy: 'name another with logfile or -g',
      cause,
    });
  }
}

function stamp(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
