/** `knocktail init`: this host -> a first knock.yaml with a sequence of its own, and what to do with it. */

import { mkdir, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { commandLine } from '../command-line.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { SCHEMA } from '../home.ts';
import type { Port, Sequence } from '../model.ts';
import { firstConfig } from '../setup/first-config.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { drawFresh } from './draw.ts';
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
      'Writes a knock.yaml with a sequence drawn by chance, which opens ssh to whoever knocks it, and makes its ' +
        'folder. Never writes over a file.',
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
      (path === '-' ? io.stderr : io.stdout).write(nextSteps(path, sequence, port));
      io.finish(EXIT.OK);
    });
}

function nextSteps(path: string, sequence: Sequence, port: Port): string {
  const option = configOption(path);
  const wrote = path === '-' ? '' : `wrote ${path}, which only its owner can read\n\n`;
  return `${wrote}Next, as root:

  knocktail rules${option} --apply    log knocks, and let openings in
  knocktail run${option}              the daemon

${howToKnock(`open port ${port} for 30 seconds`, sequence)}
Once that works, shut the port to those who have not knocked. Keep a session open meanwhile:

  iptables -A INPUT -p tcp --dport ${port} -j DROP
  ip6tables -A INPUT -p tcp --dport ${port} -j DROP
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
