/** Writes log messages to a file. */

import { closeSync, writeSync } from 'node:fs';
import { EXIT, KnocktailError, messageOf } from '../../errors.ts';
import { openToAppend } from '../../lib/atomic-write.ts';
import type { Form, Sink } from '../log.ts';

/** Appends to a file. Each line is written before the call returns, so that none dies with the process. */
export class FileSink implements Sink {
  readonly #path: string;
  readonly #form: Form;
  readonly #complain: (text: string) => void;
  readonly #file: number;
  #hasFailed = false;

  /**
   * @param complain hears once of a file that cannot be written, and again when it failed anew
   * @throws KnocktailError when the file cannot be opened
   */
  constructor(path: string, form: Form, complain: (text: string) => void) {
    this.#path = path;
    this.#form = form;
    this.#complain = complain;
    this.#file = openLog(path);
  }

  write(...line: Parameters<Sink['write']>): void {
    try {
      writeSync(this.#file, `${this.#form(...line)}\n`);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#complain(`${this.#path}: lines are lost: ${messageOf(error)}`);
      this.#hasFailed = true;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

function openLog(path: string): number {
  try {
    return openToAppend(path, 0o640);
  } catch (cause) {
    throw new KnocktailError('the log file cannot be opened', {
      where: path,
      value: messageOf(cause),
      exitCode: EXIT.IO,
      remedy: 'name another with logfile or -g',
      cause,
    });
  }
}
