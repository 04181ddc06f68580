/** Writes what `init` and `add` say to do next. */

import { DEFAULT_CONFIG } from '../config/config-file.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Sequence } from '../model.ts';
import { bashCommand, knockCommand } from '../tools/setup/knock-command.ts';

const PLACEHOLDER = 'HOST';

/** ` -c FILE`, where that is needed. */
export function configOption(path: string): string {
  return path === DEFAULT_CONFIG ? '' : ` -c ${path === '-' ? 'FILE' : commandLine([path])}`;
}

/** @param effect as in `open port 22 for 30 seconds` */
export function howToKnock(effect: string, sequence: Sequence): string {
  return `From elsewhere, to ${effect}, with any knock client (knocktail's own is \`knocktail knock\`):

  ${knockCommand(PLACEHOLDER, sequence)}

and where there is no knock client, but bash:

  ${bashCommand(PLACEHOLDER, sequence)}
`;
}
