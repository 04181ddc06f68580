/** The kernel's ring while it is quiet -> a call when it stirs: dd waits, since Node cannot. */

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { nextSequence } from './kmsg-record.ts';

const DDS = ['/usr/bin/dd', '/bin/dd'];
const DD_ARGV = ['bs=8192', 'count=1', 'status=none', 'of=/dev/null'];

/**
 * Node has no way to wait for a device but in a thread that its own end would wait for. A dd that waits for one record
 * outlives us by no more than that.
 */
export class QuietRing {
  readonly #fd: number;
  readonly #program: string | null;
  readonly #stir: () => void;
  #sequence = -1;
  #child: ChildProcess | null = null;

  /**
   * @param stir called when a record has come while it waited
   * @throws when the ring cannot be opened
   */
  constructor(path: string, stir: () => void) {
    this.#program = DDS.find(isProgram) ?? null;
    this.#stir = stir;
    this.#fd = openSync(path, constants.O_RDONLY);
  }

  /** Waits for what comes after this record. False where there is no dd, so that there is no waiting. */
  wait(after: number | null): boolean {
    if (this.#program === null || after === null) return false;
    if (this.#child !== null) return true;
    // None of these reads waits: the record is there, or one that has overwritten it.
    while (this.#sequence < after) this.#sequence = nextSequence(this.#fd) ?? this.#sequence;
    const child = spawn(this.#program, DD_ARGV, { stdio: [this.#fd, 'ignore', 'ignore'] });
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
    closeSync(this.#fd);
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
