/** `knocktail check`: a configuration -> its problems, or its weak doors. */

import type { Command } from 'commander';
import { weaknesses } from '../config/weak.ts';
import { EXIT } from '../errors.ts';
import { DEFAULT_CONFIG, readConfigFile } from './config-file.ts';
import type { Io } from './io.ts';

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .summary('find the problems in a configuration')
    .description('Tells every problem as FILE:LINE:COLUMN: what, and what makes a door weak.')
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .action(async ({ config: path }: { config: string }) => {
      const { config, positions } = await readConfigFile(path);
      for (const { door, text } of weaknesses(config)) {
        const { line, column } = positions.key(['doors', door]);
        io.stderr.write(`${path}:${line}:${column}: warning: door ${door}: ${text}\n`);
      }
      const doors = Object.keys(config.doors).length;
      io.stdout.write(`${path}: good, ${doors} ${doors === 1 ? 'door' : 'doors'}\n`);
      io.finish(EXIT.OK);
    });
}
