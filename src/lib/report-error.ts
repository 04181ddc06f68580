/** Prints what a command threw, and returns the exit code. */

import { CommanderError } from 'commander';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { printable } from './printable.ts';

/** Tells what went wrong, and gives the code to end with. */
export function tellFailure(error: unknown, stderr: { write(text: string): unknown }): ExitCode {
  // Commander has told its own errors, and thrown where it would have ended the process.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  if (error instanceof KnocktailError) {
    // One that lists problems has a line for each; what it quotes is whatever stands in a file.
    stderr.write(`${error.message.split('\n').map(printable).join('\n')}\n`);
    return error.exitCode;
  }
  stderr.write(`a fault of knocktail itself, please report it: ${stackOf(error)}\n`);
  return EXIT.SOFTWARE;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
