/** `knocktail run`: the daemon, in the foreground. */

import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { Daemon } from '../daemon.ts';
import { EXIT } from '../errors.ts';
import { openLines } from '../line/source.ts';
import { type Log, logTo } from '../log.ts';
import { US_PER_MS } from '../model.ts';
import { type CommandOf, type CommandResult, runCommand } from '../opening/command.ts';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from './config-file.ts';
import { firewallOf } from './firewall.ts';
import type { Io } from './io.ts';
import { tellSystemd } from './systemd.ts';

export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .summary('run the daemon in the foreground')
    .description('Follows the log and opens doors, until TERM or INT.')
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--log <where>', 'read this log instead: a path, or - for stdin')
    .option('--prefix <text>', 'count lines with this --log-prefix instead')
    .option('--dry-run', 'print rules and commands, and run neither')
    .action(async ({ config: path, ...overrides }: { config: string } & Overrides) => {
      const config = override((await readConfigFile(path)).config, overrides);
      const log = logTo(io.stdout, io.stderr);
      const daemon = new Daemon({
        config,
        openLines: ({ log }, signal) => openLines(log, { stdin: io.stdin, signal }),
        openFirewall: (config) => firewallOf(config, (text) => log.info(text)),
        run: config.firewall.backend === 'dry-run' ? dryRun(log) : announced(log),
        now: () => Date.now() * US_PER_MS,
        log,
        signal: io.signal,
        ready: () => {
          log.info(readyLine(config));
          tellSystemd('READY=1', log);
        },
      });
      let reloads = Promise.resolve();
      io.onHangup(() => {
        reloads = reloads.then(() => reload(daemon, path, overrides, log));
      });
      await daemon.run();
      io.finish(EXIT.OK);
    });
}

/** A file that is wrong changes nothing. */
async function reload(daemon: Daemon, path: string, overrides: Overrides, log: Log): Promise<void> {
  try {
    await daemon.reload(override((await readConfigFile(path)).config, overrides));
    log.info(`reloaded ${path}`);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    for (const line of text.split('\n')) log.error(line);
    log.error(`${path} was not loaded, going on as before`);
  }
}

function readyLine({ doors, firewall, log }: Config): string {
  const count = Object.keys(doors).length;
  const watched = `${count} ${count === 1 ? 'door' : 'doors'}`;
  return `ready: ${watched}, reading ${log.from === 'stdin' ? 'stdin' : log.path}, opening in ${firewall.chain}`;
}

/** Runs commands, and says so first. */
function announced(log: Log) {
  return (command: string, of: CommandOf): Promise<CommandResult> => {
    log.info(`${of.source}: ${of.door}: running command: ${command.replaceAll('%IP%', of.source)}`);
    return runCommand(command, of);
  };
}

/** Stands in for commands in a dry run: tells what would run. */
function dryRun(log: Log) {
  return async (command: string, { door, source }: CommandOf): Promise<CommandResult> => {
    log.info(`${source}: ${door}: would run command: ${command.replaceAll('%IP%', source)}`);
    return { status: 0, signal: null, output: '', unshown: 0, timedOut: false, error: null };
  };
}
