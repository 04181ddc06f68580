/** `knocktail convert`: prints the knock.yaml that means the same as a knockd.conf. */

import type { Command } from 'commander';
import { readAsWritten, readText, tellProblem } from '../config/config-file.ts';
import { convertKnockdConf } from '../config/convert.ts';
import { isKnockdText } from '../config/knockd-text.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Io } from '../lib/io.ts';

const WHERE_MISSING = 'name the knockd.conf';

export function addConvert(program: Command, io: Io): void {
  program
    .command('convert')
    .summary('print a knockd.conf as knock.yaml')
    .description(
      'Prints the knock.yaml that means the same as a knockd.conf, comments kept. Commands that do no more than ' +
        'accept the source at a port become open: and close:.',
    )
    .argument('<file>', 'the knockd.conf')
    .action(async (path: string) => {
      requireKnockdConf(await readText(path, WHERE_MISSING), path);
      const { text, config, warnings } = await readAsWritten(path, WHERE_MISSING);
      const { yaml, notes, doors } = convertKnockdConf(text, config);
      for (const problem of [...warnings, ...notes.map((note) => ({ ...note, column: 1 }))]) {
        io.stderr.write(`${tellProblem(path, { ...problem, text: `warning: ${problem.text}` })}\n`);
      }
      if (doors === 0) {
        throw new KnocktailError('no door to convert', {
          where: path,
          exitCode: EXIT.DATA,
          remedy: 'add a [DOOR] with a sequence that can be knocked',
        });
      }
      io.stdout.write(yaml);
      io.finish(EXIT.OK);
    });
}

/** @throws KnocktailError 65 with the first line that a knockd.conf could not begin with */
function requireKnockdConf(text: string, path: string): void {
  if (isKnockdText(text)) return;
  const lines = text.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => line !== '' && !line.startsWith('#'));
  throw new KnocktailError('not a knockd.conf: there is no [section]', {
    where: at < 0 ? path : `${path}:${at + 1}`,
    exitCode: EXIT.DATA,
    ...(at < 0 ? {} : { value: lines[at] ?? '' }),
    remedy: 'name a knockd.conf; knock.yaml needs no converting',
  });
}
