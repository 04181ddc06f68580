/** Writes operations as input for `iptables-restore --noflush`, which applies all or none. */

import { argvOf, type Operation } from '../../firewall/operation.ts';

const PLAIN = /^[A-Za-z0-9_./:=@,+-]+$/;

export function restoreText(operations: readonly Operation[]): string {
  const lines = operations.map((operation) => words(operation).map(quoted).join(' '));
  return ['*filter', ...lines, 'COMMIT', ''].join('\n');
}

/** It waits for the lock by an option of its own. */
function words(operation: Operation): readonly string[] {
  return argvOf(operation).filter((word, at) => at > 0 || word !== '-w');
}

/** As xtables_save_string does (libxtables/xtables.c). */
function quoted(word: string): string {
  return PLAIN.test(word) ? word : `"${word.replaceAll(/["\\']/g, '\\$&')}"`;
}
