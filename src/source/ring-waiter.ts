/** Waits for new records of the kernel's ring with a dd, since Node cannot wait for a device. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { childEnvironment } from '../lib/environment.ts';
import { systemProgram } from '../lib/permissions.ts';
import { nextSequence } from './kmsg-record.ts';

/** A record at a time, as each read gives one. */
const DD_ARGV = ['bs=8192', 'status=none'];

/**
 * In Node only a thread could wait for a device, and the process would wait for that thread at its end. A dd that hands on
 * each record ends at the first one that we no longer take.
 */
export class RingWaiter {
  readonly #path: string;
  readonly #program: string | null;
  readonly #notify: () => void;
  #child: ChildProcess | null = null;

  /**
   * @param path one that can be read
   * @param notify called when a record has come
   */
  constructor(path: string, notify: () => void) {
    this.#path = path;
    this.#program = systemProgram('dd');
    this.#notify = notify;
  }

  /**
   * Has records announced that come after this one, which has been read. False where they cannot be: there is no dd, or no
   * room for one.
   */
  begin(after: number | null): boolean {
    if (this.#program === null || after === null) return false;
    if (this.#child !== null) return true;
    const child = this.#spawn(this.#program, after);
    if (child === null) return false;
    this.#child = child;
    child.stdout?.on('data', this.#notify);
    const over = (): void => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#notify();
    };
    child.on('error', over);
    child.on('exit', over);
    return true;
  }

  /** Nothing is announced any more. */
  end(): void {
    const child = this.#child;
    this.#child = null;
    child?.kill('SIGKILL');
    child?.stdout?.destroy();
  }

  /** Null where the process has no descriptor left, or the machine no memory (Node throws ENOMEM). */
  #spawn(program: string, after: number): ChildProcess | null {
    try {
      // A new one each time: dd reads on where we are, and where that is then only dd knows.
      const fd = openSync(this.#path, constants.O_RDONLY);
      try {
        // None of these reads waits: the record was there, so it is, or one that has overwritten it.
        for (let sequence = -1; sequence < after; ) sequence = nextSequence(fd) ?? sequence;
        return spawn(program, DD_ARGV, { stdio: [fd, 'pipe', 'ignore'], env: childEnvironment() });
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }
}
