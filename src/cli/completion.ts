/** `knocktail completion`: a script for a shell; and `knocktail complete`, which that asks at each TAB. */

import { Argument, type Command } from 'commander';
import { CLIENT_NAME, knockCommand } from '../client/program.ts';
import { DEFAULT_CONFIG, readConfigFile } from '../config/config-file.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import { VERSION } from '../lib/version.ts';
import { type Candidate, complete } from '../tools/manual/complete.ts';
import { completionScript, SHELLS, type Shell } from '../tools/manual/scripts.ts';
import { type CommandTable, tableOf } from '../tools/manual/tables.ts';

/** The last, for those who have made a link of that name. */
const PROGRAMS = ['knocktail', CLIENT_NAME, 'knock'] as const;
type Program = (typeof PROGRAMS)[number];

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('print a completion script for a shell')
    .description(
      'Prints what makes TAB complete command lines; source it, or put it where the shell looks for it.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addArgument(new Argument('[program]', 'whose command line').choices(PROGRAMS).default('knocktail'))
    .action((shell: Shell, name: Program) => {
      io.stdout.write(completionScript(shell, name));
      io.finish(EXIT.OK);
    });
  program
    .command('complete', { hidden: true })
    .argument('<program>')
    .argument('[words...]')
    .action(async (name: string, words: readonly string[]) => {
      for (const { text, about } of await candidatesOf(tablesOf(program, io, name), words)) {
        io.stdout.write(`${printable(text)}\t${printable(about)}\n`);
      }
      io.finish(EXIT.OK);
    });
}

/** The table of one of our programs. */
export function tablesOf(program: Command, io: Io, name: string): CommandTable {
  const isClient = name === CLIENT_NAME || name === 'knock';
  return tableOf(isClient ? knockCommand(VERSION, io, name) : program);
}

async function candidatesOf(program: CommandTable, words: readonly string[]): Promise<readonly Candidate[]> {
  const { candidates, or, config } = complete(program, words);
  if (or === 'nothing') return candidates;
  if (or !== 'door') return [...candidates, { text: `:${or}`, about: '' }];
  // Without a configuration that can be read there are no doors to tell of.
  const doors = await readConfigFile(config ?? DEFAULT_CONFIG).then(
    (file) => [...file.config.doors.keys()],
    () => [],
  );
  const last = words.at(-1) ?? '';
  return doors.filter((door) => door.startsWith(last)).map((text) => ({ text, about: 'door' }));
}
