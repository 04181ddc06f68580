/** `knocktail init`: writes a first knock.yaml with a random sequence, and says what to do with it. */

import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { DEFAULT_CONFIG } from '../config/config-file.ts';
import { loadConfig } from '../config/load.ts';
import { EXIT, type ExitCode, KnocktailError } from '../errors.ts';
import { SCHEMA } from '../lib/install-path.ts';
import type { Io } from '../lib/io.ts';
import { groupNamed } from '../lib/permissions.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Port, Sequence } from '../model.ts';
import type { OpenPort } from '../tools/doctor/shut.ts';
import { firstConfig } from '../tools/setup/first-config.ts';
import { drawFresh } from './draw.ts';
import { exposedHere } from './exposed.ts';
import { configOption, howToKnock } from './next-steps.ts';
import { toPort } from './typed-port.ts';

/** What it holds opens the door. */
const OWNER_ONLY = 0o600;
/** That of the service (deploy/knocktail.sysusers), which may read it where there is one. */
const SERVICE_GROUP = 'knocktail';
const [OWNER_AND_GROUP, FOLDER_OF_GROUP] = [0o640, 0o750];
const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
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
      const group = process.geteuid?.() === 0 ? groupNamed(SERVICE_GROUP) : null;
      if (path === '-') io.stdout.write(text);
      else await create(path, text, group);
      // Beside a configuration on stdout, advice is not for whoever reads that.
      const open = await exposedBy(text);
      (path === '-' ? io.stderr : io.stdout).write(nextSteps({ path, sequence, port, group, open }));
      io.finish(EXIT.OK);
    });
}

interface Written {
  readonly path: string;
  readonly sequence: Sequence;
  readonly port: Port;
  /** The one that may read it; null for none. */
  readonly group: number | null;
  /** Who reaches the port without a knock. */
  readonly open: readonly OpenPort[];
}

/** Who reaches the port as things are, whatever openings there will be. */
async function exposedBy(text: string): Promise<readonly OpenPort[]> {
  const loaded = loadConfig(text);
  return loaded.problems === null ? exposedHere(loaded.config) : [];
}

function nextSteps({ path, sequence, port, group, open }: Written): string {
  const option = configOption(path);
  const readers = group === null ? 'only its owner' : `only root and the group ${SERVICE_GROUP}`;
  const wrote = path === '-' ? '' : `wrote ${path}, which ${readers} can read\n\n`;
  const steps = [
    [`knocktail rules${option} --apply`, 'log knocks, and let openings in'],
    // The unit reads the usual file.
    path === DEFAULT_CONFIG && hasUnit()
      ? ['systemctl enable --now knocktail', 'the daemon, now and after each boot']
      : [`knocktail run${option}`, 'the daemon'],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  return `${wrote}Next, as root:

${steps.map(([command, does]) => `  ${command.padEnd(width)}    ${does}`).join('\n')}

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

function hasUnit(): boolean {
  return UNIT_FOLDERS.some((folder) => existsSync(join(folder, 'knocktail.service')));
}

/** @param group the one that may read it; null for none */
async function create(path: string, text: string, group: number | null): Promise<void> {
  // The last folder alone: more are missing where the path is mistyped. What is wrong with it, writing tells.
  await makeFolder(dirname(path), group).catch(() => undefined);
  try {
    const file = await open(path, 'wx', OWNER_ONLY);
    try {
      if (group !== null) {
        await file.chown(0, group);
        await file.chmod(OWNER_AND_GROUP);
      }
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // A part of the file is worse than none.
    if (code === 'ENOSPC' || code === 'EIO' || code === 'EDQUOT') await unlink(path).catch(() => undefined);
    throw uncreatable(path, code, error);
  }
}

async function makeFolder(folder: string, group: number | null): Promise<void> {
  await mkdir(folder);
  if (group === null) return;
  // A umask of 077 would keep the service out.
  await chown(folder, 0, group);
  await chmod(folder, FOLDER_OF_GROUP);
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
