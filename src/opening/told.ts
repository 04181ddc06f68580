/** What became of a command -> lines of the log, and why it failed. */

import type { CommandResult } from './command.ts';

interface Tellers {
  info(text: string): void;
  warn(text: string): void;
}

/**
 * @param who what the lines begin with
 * @returns why the command failed; null when it did not
 */
export function tellResult(result: CommandResult, who: string, log: Tellers): string | null {
  for (const line of result.output.split('\n').filter((text) => text !== '')) {
    log.info(`${who}: command says: ${line}`);
  }
  if (result.unshown > 0) log.info(`${who}: command says ${result.unshown} bytes more`);
  const failure = failureOf(result);
  if (failure !== null) log.warn(`${who}: ${failure}`);
  return failure;
}

function failureOf({ error, timedOut, signal, status }: CommandResult): string | null {
  if (error !== null) return `command did not run: ${error}`;
  if (timedOut) return 'command ran out of time and was ended';
  if (signal !== null) return `command was ended by ${signal}`;
  return status === 0 ? null : statusFailure(status);
}

export function statusFailure(status: number | null): string {
  return `command returned non-zero status code (${status})`;
}
