/** The kernel's ring while it is quiet -> a call when it stirs: dd waits, since Node cannot. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { childEnvironment } from '../environment.ts';
import { systemProgram } from '../permissions.ts';
import { nextSequence } from './kmsg-record.ts';

const DD_ARGV = ['bs=8192', 'count=1', 'status=none', 'of=/dev/null'];

/**
 * Node has no way to wait for a device but in a thread that its own end would wait for. A dd that waits for one record
 * outlives us by no more than that.
 */
export class QuietRing {
  readonly #path: string;
  readonly #program: string | null;
  readonly #stir: () => void;
  #child: ChildProcess | null = null;

  /**
   * @param path one that can be read
   * @param stir called when a record has come while it waited
   */
  constructor(path: string, stir: () => void) {
    this.#path = path;
    this.#program = systemProgram('dd');
    this.#stir = stir;
  }

  /**
   * Waits for what comes after this record, which has been read. False where there is no waiting: there is no dd, or no
   * room for one.
   */
  wait(after: number | null): boolean {
    if (this.#program === null || after === null) return false;
    if (this.#child !== null) return true;
    const child = this.#spawn(this.#program, after);
    if (child === null) return false;
    this.#child = child;
    const over = (): void => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#stir();
    };
    child.on('error', over);
    child.on('exit', over);
    return true;
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  /** Null where the process has no descriptor left, or the machine no memory (Node throws ENOMEM). */
  #spawn(program: string, after: number): ChildProcess | null {
    try {
      // A new one each time: dd reads on where we are, and where that is then only dd knows.
      const fd = openSync(this.#path, constants.O_RDONLY);
      try {
        // None of these reads waits: the record was there, so it is, or one that has overwritten it.
        for (let sequence = -1; sequence < after; ) sequence = nextSequence(fd) ?? sequence;
        return spawn(program, DD_ARGV, { stdio: [fd, 'ignore', 'ignore'], env: childEnvironment() });
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }
}
