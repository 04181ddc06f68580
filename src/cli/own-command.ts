/** Completes our own commands in a message, so that they can be typed as they stand. */

import { DEFAULT_CONFIG, type Overrides } from '../config/config-file.ts';
import { commandLine } from '../lib/shell-quote.ts';

/** Our own commands, and whether they take --log and --prefix. */
const COMMANDS = /\bknocktail (?:(?:check|init)|(run|rules|doctor))\b/g;

/** @param path of the configuration that the message is about */
export function withOptions(message: string, path: string, { log = [], prefix }: Overrides): string {
  const file = path === DEFAULT_CONFIG ? [] : ['-c', path];
  const logs = log.flatMap((where) => ['--log', where]);
  const options = [...logs, ...(prefix === undefined ? [] : ['--prefix', prefix])];
  return message.replace(COMMANDS, (command: string, takesLogs: string | undefined) =>
    [command, commandLine([...file, ...(takesLogs === undefined ? [] : options)])].join(' ').trim(),
  );
}
