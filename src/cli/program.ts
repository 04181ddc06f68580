/** Builds the command line: every command and option, and what is said when one is wrong. */

import { Command } from 'commander';
import { EXIT, type ExitCode } from '../errors.ts';
import { EXAMPLES } from '../manual/examples.ts';
import { tellFailure } from '../outcome.ts';
import { addAdd } from './add.ts';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { addConvert } from './convert.ts';
import { addDoctor } from './doctor.ts';
import { addExplain } from './explain.ts';
import { addHealth } from './health.ts';
import { addInit } from './init.ts';
import type { Io } from './io.ts';
import { addKnock } from './knock.ts';
import { addManual } from './manual.ts';
import { addClose, addFlush, addList, addOpen } from './openings.ts';
import { addParse } from './parse.ts';
import { addReplay } from './replay.ts';
import { addReport } from './report.ts';
import { addRules } from './rules.ts';
import { asRun } from './run.ts';
import { addSchema } from './schema.ts';
import { addShow } from './show.ts';
import { addShutGuard } from './shut-guard.ts';
import { addTest } from './test-door.ts';

const KNOCKD_CONFIG = '/etc/knockd.conf';

/** What is run, and how. */
export interface Invocation {
  /** The name it was called by. Under `knockd` it is the daemon with knockd's options, and nothing else. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly version: string;
}

/** Runs one command line. Never rejects: every failure has been told on stderr when it returns. */
export async function runProgram(
  { name, argv, version }: Invocation,
  given: Omit<Io, 'finish'>,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.OK;
  const io: Io = {
    ...given,
    finish: (result) => {
      code = result;
    },
  };
  const program = name === 'knockd' ? knockd(version, io) : knocktail(version, io);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    return tellFailure(error, given.stderr);
  }
}

function knocktail(version: string, io: Io): Command {
  const program = new Command('knocktail')
    .description('Port-knock daemon that reads the firewall log instead of capturing packets.')
    .version(`knocktail ${version}`, '-V, --version');
  withManners(program, io).showHelpAfterError('(knocktail --help tells more)');
  asRun(program.command('run').summary('run the daemon'), DEFAULT_CONFIG, version, io);
  for (const add of [
    addInit,
    addAdd,
    addCheck,
    addRules,
    addDoctor,
    addTest,
    addHealth,
    addReplay,
    addExplain,
    addReport,
    addParse,
    addList,
    addOpen,
    addClose,
    addFlush,
    addShow,
    addKnock,
    addConvert,
    addSchema,
    addCompletion,
    addManual,
    addShutGuard,
  ]) {
    add(program, io);
  }
  for (const command of program.commands) {
    // The client shows its own, under whatever name it was called.
    if (command.name() === 'knock') continue;
    command.showHelpAfterError(`(knocktail ${command.name()} --help tells more)`);
    const lines = EXAMPLES[command.name()] ?? [];
    if (lines.length > 0)
      command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`);
  }
  return program;
}

/** For a symlink of that name in the place of knockd's own. */
function knockd(version: string, io: Io): Command {
  return asRun(withManners(new Command('knockd'), io), KNOCKD_CONFIG, version, io);
}

function withManners(program: Command, { stdout, stderr }: Io): Command {
  return program
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
}
