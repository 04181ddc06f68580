/** `knocktail init`: this host -> a first knock.yaml with a sequence of its own, and what to do with it. */

import { mkdir, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { commandLine } from '../command-line.ts';
import { loadConfig } from '../config/load.ts';
import type { OpenPort } from '../doctor/shut.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { SCHEMA } from '../home.ts';
import type { Port, Sequence } from '../model.ts';
import { firstConfig } from '../setup/first-config.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { drawFresh } from './draw.ts';
import { exposedHere } from './exposed.ts';
import type { Io } from './io.ts';
import { configOption, howToKnock } from './next-steps.ts';
import { toPort } from './typed-port.ts';

/** What it holds opens the door. */
const OWNER_ONLY = 0o600;
const SSH = '22';

interface Options {
  readonly config: string;
  readonly port: Port;
}

export function addInit(program: Command, io: Io): void {
  program
    .command('init')
    .summary('write a first knock.yaml')
    .description(
      'Writes a knock.yaml with a randomly generated sequence that opens ssh, and makes its folder. Never writes over a ' +
        'file. Says whether everyone reaches the port as things are, and by which rule.',
    )
    .option('-c, --config <file>', 'the file to write, - for stdout', DEFAULT_CONFIG)
    .option('--port <port>', 'the port to open, over TCP', toPort, toPort(SSH))
    .action(async ({ config: path, port }: Options) => {
      const sequence = await drawFresh(new Set([port]));
      const schema = pathToFileURL(SCHEMA).pathname;
      const text = firstConfig({ sequence, port, schema });
      if (path === '-') io.stdout.write(text);
      else await create(path, text);
      // Beside a configuration on stdout, advice is not for whoever reads that.
      const advice = nextSteps(path, sequence, port, await exposedBy(text));
      (path === '-' ? io.stderr : io.stdout).write(advice);
      io.finish(EXIT.OK);
    });
}

/** Who reaches the port as things are, whatever openings there will be. */
async function exposedBy(text: string): Promise<readonly OpenPort[]> {
  const loaded = loadConfig(text);
  return loaded.problems === null ? exposedHere(loaded.config) : [];
}

function nextSteps(path: string, sequence: Sequence, port: Port, open: readonly OpenPort[]): string {
  const option = configOption(path);
  const wrote = path === '-' ? '' : `wrote ${path}, which only its owner can read\n\n`;
  return `${wrote}Next, as root:

  knocktail rules${option} --apply    log knocks, and let openings in
  knocktail run${option}              the daemon

${howToKnock(`open port ${port} for 30 seconds`, sequence)}
${howToShut(option, port, open)}`;
}

function howToShut(option: string, port: Port, open: readonly OpenPort[]): string {
  const rules = open.map(({ probe, by }) => `  ${by}${probe.family === 6 ? '    (IPv6)' : ''}\n`);
  const now =
    rules.length === 0
      ? ''
      : `Everyone reaches port ${port} as things are, knock or not, by\n\n${rules.join('')}\n`;
  return `${now}When a knock lets you in, shut the port to those who have not knocked. Keep a session open meanwhile:

  knocktail rules${option} --shut

It prints each change first, and undoes all of them unless you confirm within a minute that you still get in.
`;
}

async function create(path: string, text: string): Promise<void> {
  // The last folder alone: more are missing where the path is mistyped. What is wrong with it, writing tells.
  await mkdir(dirname(path)).catch(() => undefined);
  try {
    await writeFile(path, text, { flag: 'wx', mode: OWNER_ONLY });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // A part of the file is worse than none.
    if (code === 'ENOSPC' || code === 'EIO' || code === 'EDQUOT') await unlink(path).catch(() => undefined);
    throw uncreatable(path, code, error);
  }
}

function uncreatable(path: string, code: string, cause: unknown): KnocktailError {
  const folder = dirname(path);
  const known: Record<string, readonly [what: string, exitCode: ExitCode, remedy: string]> = {
    EEXIST: ['is there already', EXIT.CANNOT_CREATE, 'name another with -c FILE, or move it away first'],
    ENOENT: [
      'there is no folder for it',
      EXIT.CANNOT_CREATE,
      `make it first: ${commandLine(['mkdir', '-p', folder])}`,
    ],
    EACCES: ['may not be written', EXIT.NO_PERMISSION, 'run as root, or name another file with -c FILE'],
  };
  const [what, exitCode, remedy] = known[code] ?? [
    `cannot be written (${code})`,
    EXIT.CANNOT_CREATE,
    'name another with -c FILE',
  ];
  return new KnocktailError(what, { where: path, exitCode, remedy, cause });
}
