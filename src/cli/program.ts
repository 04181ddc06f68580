/** The command line: every command and option, and what is said when one is wrong. */

import { Command, CommanderError } from 'commander';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { addCheck } from './check.ts';
import type { Io } from './io.ts';
import { addClose, addFlush, addList, addOpen } from './openings.ts';
import { addParse } from './parse.ts';
import { addReplay } from './replay.ts';
import { addRun } from './run.ts';
import { addSchema } from './schema.ts';

/** Runs one command line. Never rejects: every failure has been told on stderr when it returns. */
export async function runProgram(
  argv: readonly string[],
  version: string,
  io: Omit<Io, 'finish'>,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.OK;
  const program = programFor(version, {
    ...io,
    finish: (result) => {
      code = result;
    },
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has told its own errors, and thrown where it would have ended the process.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    if (error instanceof KnocktailError) {
      io.stderr.write(`${error.message}\n`);
      return error.exitCode;
    }
    io.stderr.write(`a fault of knocktail itself, please report it: ${stackOf(error)}\n`);
    return EXIT.SOFTWARE;
  }
}

function programFor(version: string, io: Io): Command {
  const program = new Command('knocktail')
    .description('Port-knock daemon that reads the firewall log instead of capturing packets.')
    .version(version, '-V, --version')
    .showHelpAfterError('(knocktail --help tells more)')
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride();
  for (const add of [
    addRun,
    addCheck,
    addReplay,
    addParse,
    addList,
    addOpen,
    addClose,
    addFlush,
    addSchema,
  ]) {
    add(program, io);
  }
  return program;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
