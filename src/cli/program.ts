/** Builds the command line: every command and option, and what is said when one is wrong. */

import { Command } from 'commander';
import { EXIT, type ExitCode } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { tellFailure } from '../lib/report-error.ts';
import { EXAMPLES } from '../tools/manual/examples.ts';

const KNOCKD_CONFIG = '/etc/knockd.conf';

type Add = (program: Command, io: Io) => void;

/** Reads the command lines of all others. */
const MANUAL = 'man';

/** Each command in a chunk that is loaded when it is needed, in the order of the help. */
const COMMANDS: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['run', async () => (await import('./run.ts')).addRun],
  ['init', async () => (await import('./init.ts')).addInit],
  ['add', async () => (await import('./add.ts')).addAdd],
  ['check', async () => (await import('./check.ts')).addCheck],
  ['rules', async () => (await import('./rules.ts')).addRules],
  ['doctor', async () => (await import('./doctor.ts')).addDoctor],
  ['test', async () => (await import('./test-door.ts')).addTest],
  ['health', async () => (await import('./health.ts')).addHealth],
  ['replay', async () => (await import('./replay.ts')).addReplay],
  ['explain', async () => (await import('./explain.ts')).addExplain],
  ['report', async () => (await import('./report.ts')).addReport],
  ['parse', async () => (await import('./parse.ts')).addParse],
  ['list', async () => (await import('./openings.ts')).addList],
  ['open', async () => (await import('./openings.ts')).addOpen],
  ['close', async () => (await import('./openings.ts')).addClose],
  ['flush', async () => (await import('./openings.ts')).addFlush],
  ['show', async () => (await import('./show.ts')).addShow],
  ['knock', async () => (await import('./knock.ts')).addKnock],
  ['convert', async () => (await import('./convert.ts')).addConvert],
  ['schema', async () => (await import('./schema.ts')).addSchema],
  ['completion', async () => (await import('./completion.ts')).addCompletion],
  [MANUAL, async () => (await import('./manual.ts')).addManual],
  ['shut-guard', async () => (await import('./shut-guard.ts')).addShutGuard],
]);
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
  try {
    const program = await (name === 'knockd' ? knockd(version, io) : knocktail(argv, version, io));
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    return tellFailure(error, given.stderr);
  }
}

async function knocktail(argv: readonly string[], version: string, io: Io): Promise<Command> {
  const program = new Command('knocktail')
    .description('Port-knock daemon that reads the firewall log instead of capturing packets.')
    .version(`knocktail ${version}`, '-V, --version');
  withManners(program, io).showHelpAfterError('(knocktail --help tells more)');
  for (const add of await wanted(argv[0])) add(program, io);
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

/** The command that is named alone; all of them for the help, for what was mistyped, and for what reads them. */
function wanted(name = ''): Promise<readonly Add[]> {
  const load = name === MANUAL ? undefined : COMMANDS.get(name);
  return Promise.all(load === undefined ? [...COMMANDS.values()].map((each) => each()) : [load()]);
}

/** For a symlink of that name in the place of knockd's own. */
async function knockd(version: string, io: Io): Promise<Command> {
  const { asRun } = await import('./run.ts');
  return asRun(withManners(new Command('knockd'), io), KNOCKD_CONFIG, version, io);
}

function withManners(program: Command, { stdout, stderr }: Io): Command {
  return program
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
}
