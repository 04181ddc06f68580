/** `knocktail knock`: the client, for which nothing has to have the name `knock`. */

import type { Command } from 'commander';
import { knockCommand } from '../client/program.ts';
import type { Io } from '../lib/io.ts';

export function addKnock(program: Command, io: Io): void {
  program.addCommand(knockCommand(program.version() ?? '', io, 'knocktail knock'));
}
