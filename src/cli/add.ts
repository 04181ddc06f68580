/** `knocktail add`: adds a door with a random sequence to a knock.yaml, and leaves the rest of the file as it is. */

import { readFile, realpath, stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONFIG, readAsWritten, readConfigFile } from '../config/config-file.ts';
import { parseDuration } from '../config/duration.ts';
import { isKnockdText } from '../config/knockd-text.ts';
import { loadConfig } from '../config/load.ts';
import { DOOR_NAME } from '../config/values.ts';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { rewriteFile } from '../lib/atomic-write.ts';
import type { Io } from '../lib/io.ts';
import type { Port } from '../model.ts';
import { addDoor, doorBlock, type NewDoor } from '../tools/setup/add-door.ts';
import { drawFresh } from './draw.ts';
import { configOption, howToKnock } from './next-steps.ts';
import { toPort } from './typed-port.ts';
import { sequencesBy } from './watched-by.ts';

interface Options {
  readonly config: string;
  readonly port: Port;
  readonly proto: 'tcp' | 'udp';
  readonly for: string;
}

export function addAdd(program: Command, io: Io): void {
  program
    .command('add')
    .summary('add a door to a knock.yaml')
    .description(
      'Adds a door with a randomly generated sequence to a knock.yaml. Comments and all else in the file stay as they ' +
        'are, and so do its owner and mode.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .requiredOption('--port <port>', 'the port to open', toPort)
    .addOption(new Option('--proto <name>', 'its protocol').choices(['tcp', 'udp']).default('tcp'))
    .option('--for <duration>', 'how long it stays open, such as 30s, 10m or 2h', toDurationText, '30s')
    .argument('<name>', 'the name of the new door', toDoorName)
    .action(async (name: string, { config: path, port, proto, for: openFor }: Options) => {
      const { config, text } = await readAsWritten(path, 'make one with knocktail init');
      if (isKnockdText(text)) {
        throw new KnocktailError('is a knockd.conf, and doors can only be added to a knock.yaml', {
          where: path,
          exitCode: EXIT.DATA,
          remedy: 'convert it first: knocktail convert',
        });
      }
      if (config.doors.has(name)) {
        throw new KnocktailError('there is a door of that name already', {
          where: path,
          value: name,
          exitCode: EXIT.USAGE,
          remedy: `choose another name, or see the door with knocktail show${configOption(path)} ${name}`,
        });
      }
      const sequence = await drawFresh(await portsOf(path, port));
      const door: NewDoor = { name, sequence, port, proto, openFor };
      await write(path, text, door);
      io.stdout.write(nextSteps(path, door));
      io.finish(EXIT.OK);
    });
}

/** All ports that doors wait for or open. */
async function portsOf(path: string, port: Port): Promise<ReadonlySet<Port>> {
  const { config } = await readConfigFile(path);
  const sequencesOf = await sequencesBy(config);
  const doors = [...config.doors];
  const steps = doors.flatMap(([name, { trap }]) => [...trap, ...sequencesOf(name).flat()]);
  const opened = doors.flatMap(([, { open }]) => (open === null ? [] : [open.port]));
  return new Set([port, ...opened, ...steps.flatMap((step) => (step.proto === 'icmp' ? [] : [step.port]))]);
}

async function write(path: string, text: string, door: NewDoor): Promise<void> {
  const added = addDoor(text, door);
  if (added === null || loadConfig(added).problems !== null) {
    throw new KnocktailError('no place for a door was found under doors:', {
      where: path,
      exitCode: EXIT.DATA,
      remedy: `put it there yourself:\n${doorBlock(door, '  ').join('\n')}`,
    });
  }
  try {
    const real = await realpath(path);
    const before = await readFile(real, 'utf8');
    const mark = before.startsWith('\ufeff') ? '\ufeff' : '';
    if (before !== mark + text || !(await stat(real)).isFile()) throw new Error('it was changed meanwhile');
    await rewriteFile(real, mark + added);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    const isDenied = code === 'EACCES' || code === 'EPERM';
    throw new KnocktailError('cannot be written', {
      where: path,
      value: messageOf(cause),
      exitCode: isDenied ? EXIT.NO_PERMISSION : EXIT.CANNOT_CREATE,
      remedy: isDenied ? 'run as root' : 'the file is as it was, try again',
      cause,
    });
  }
}

function nextSteps(path: string, { name, sequence, port, proto, openFor }: NewDoor): string {
  const option = configOption(path);
  return `added the door ${name} to ${path}

Next, as root:

  knocktail rules${option} --apply    log its knocks

A daemon that runs loads the file by itself. If it does not say so: systemctl reload knocktail

${howToKnock(`open ${port}/${proto} for ${openFor}`, sequence)}
When a knock lets you in, shut the port to those who have not knocked: knocktail rules${option} --shut
\`knocktail show${option} ${name}\` prints that again.
`;
}

function toDoorName(text: string): string {
  if (!DOOR_NAME.test(text))
    throw new InvalidArgumentError(
      'Use letters, digits, _ . and -, at most 64, and begin with a letter or digit.',
    );
  return text;
}

/** As it was typed, as that is what the file gets. */
function toDurationText(text: string): string {
  const us = parseDuration(text);
  if (us === null || us === 0) throw new InvalidArgumentError('Write a duration such as 30s, 10m or 2h.');
  return text;
}
