/** The options and the argument that say which lines of which recorded log count. */

import { Option } from 'commander';
import type { Overrides } from '../config/config-file.ts';
import { LOG_FORMATS, type LogFormat } from '../model.ts';

export const LOG_ARGUMENT =
  'the log file, - for stdin; without it what is piped in, or else the configured log since boot';

/** Without a configuration. */
export const ANY_LOG_ARGUMENT =
  'the log file, - for stdin; without it what is piped in, or else the log that auto finds, since boot';

export interface LineOptions {
  readonly prefix?: string;
  readonly format?: LogFormat;
}

/** As `log.format` of a configuration. */
export function formatOption(): Option {
  const what =
    'who writes the log: the kernel among others, ulogd2 alone, or only the firewall in any format (every line with the prefix is accepted)';
  return new Option('--format <name>', what).choices(LOG_FORMATS);
}

/** What the command line says of lines, over the configuration. */
export function lineOverrides({ prefix, format }: LineOptions): Overrides {
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(format === undefined ? {} : { lineFormat: format }),
  };
}
