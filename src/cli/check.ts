/** `knocktail check`: a configuration -> its problems, or its weak doors. */

import type { Command } from 'commander';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Problem } from '../config/problem.ts';
import { weaknesses } from '../config/weak.ts';
import { EXIT } from '../errors.ts';
import { printable } from '../log.ts';
import { DEFAULT_CONFIG, readConfigFile, tellProblem } from './config-file.ts';
import { requireTrusted } from './config-trust.ts';
import type { Io } from './io.ts';

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .summary('find the problems in a configuration')
    .description('Tells every problem as FILE:LINE:COLUMN: what, and what makes a door weak.')
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .action(async ({ config: path }: { config: string }) => {
      const { config, warnings, placeOf } = await readConfigFile(path);
      const warning = requireTrusted(path);
      if (warning !== null) io.stderr.write(`${printable(`${path}: warning: ${warning}`)}\n`);
      const tell = (problem: Problem): unknown => io.stderr.write(`${tellProblem(path, problem)}\n`);
      for (const warning of warnings) tell({ ...warning, text: `warning: ${warning.text}` });
      for (const { door, text } of weaknesses(config)) {
        tell({ ...placeOf(door), text: `warning: door ${door}: ${text}` });
      }
      const notices = await new OneTimeDoors().fill(config);
      for (const { door, text, isUsedUp } of notices) {
        tell({ ...placeOf(door), text: `${isUsedUp ? '' : 'warning: '}door ${door}: ${text}` });
      }
      if (notices.some(({ isUsedUp }) => isUsedUp)) {
        io.finish(EXIT.CONFIG);
        return;
      }
      const doors = Object.keys(config.doors).length;
      io.stdout.write(`${path}: good, ${doors} ${doors === 1 ? 'door' : 'doors'}\n`);
      io.finish(EXIT.OK);
    });
}
