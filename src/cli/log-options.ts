/** What a command line may say of logs over the configuration; knockd.conf says nothing of them. */

import type { Command } from 'commander';

/** Adds --log and --prefix, as `Overrides` has them. */
export function withLogOptions(command: Command): Command {
  return command
    .option(
      '--log <where>',
      'read this log instead: a path, auto, journal, kmsg, or - for stdin; several where it is given again',
      (where: string, others: readonly string[] = []) => [...others, where],
    )
    .option('--prefix <text>', 'count lines with this --log-prefix instead');
}
