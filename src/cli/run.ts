/** `knocktail run`: the daemon, in the foreground or in the background. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { Daemon } from '../daemon.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { openLines } from '../line/source.ts';
import { doubtsOf } from '../line/trust.ts';
import { printable } from '../log.ts';
import { type Packet, US_PER_MS } from '../model.ts';
import { runCommand } from '../opening/command.ts';
import { flagNames } from '../packet/format.ts';
import { isoTime } from '../time.ts';
import { wordsFor } from '../words.ts';
import { isInBackground, removePidfile, settleInBackground, toBackground } from './background.ts';
import { type Overrides, override, readConfigFile } from './config-file.ts';
import { DaemonLog } from './daemon-log.ts';
import { firewallOf } from './firewall.ts';
import type { Io } from './io.ts';
import { PositionFile } from './position.ts';
import { describePacket } from './print.ts';
import { tellSystemd } from './systemd.ts';

const DEFAULT_PIDFILE = { none: '/run/knocktail.pid', knockd: '/var/run/knockd.pid' };

interface Options extends Overrides {
  readonly config: string;
  readonly daemon?: true;
  readonly debug?: true;
  readonly lookup?: true;
  readonly verbose?: true;
}

/** Makes this the command that runs the daemon. The letters are knockd's, and mean what they mean there. */
export function asRun(command: Command, defaultConfig: string, version: string, io: Io): Command {
  return command
    .description('Follows the log and opens doors, until TERM or INT. HUP loads the configuration anew.')
    .option('-c, --config <file>', 'the configuration, knock.yaml or knockd.conf', defaultConfig)
    .option(
      '--log <where>',
      'read this log instead: a path, auto, journal, kmsg, or - for stdin; several where it is given again',
      (where: string, others: readonly string[] = []) => [...others, where],
    )
    .option('--prefix <text>', 'count lines with this --log-prefix instead')
    .option('--state <folder>', 'keep what must survive a restart here instead')
    .option('--dry-run', 'print rules and commands, and run neither')
    .option('-i, --interface <name>', 'count only packets that came in here')
    .option('-4, --only-ip-v4', 'do not count packets over IPv6')
    .option('-g, --logfile <file>', 'tell this file what happens, where the configuration names none')
    .option('-v, --verbose', 'tell stdout what happens even when a log file or syslog is told')
    .option('-D, --debug', 'tell stdout of each packet that counts')
    .option('-l, --lookup', 'tell the names of hosts with their addresses')
    .option('-d, --daemon', 'run in the background')
    .option(
      '-p, --pidfile <file>',
      'with -d, where the process id is, where the configuration names no place',
    )
    .version(version, '-V, --version')
    .action(async (options: Options) => {
      const inBackground = isInBackground();
      if (options.daemon === true && !inBackground) io.finish(await toBackground(io));
      else await run(options, inBackground, io);
    });
}

async function run({ config: given, ...options }: Options, inBackground: boolean, io: Io): Promise<void> {
  const path = resolve(given);
  const read = async (): Promise<Config> => {
    const { config, warnings } = await readConfigFile(path);
    for (const { line, text } of warnings) log.warn(`${path}:${line}: ${text}`);
    return override(config, options);
  };
  const log = new DaemonLog(io, { verbose: options.verbose === true, lookup: options.lookup === true });
  const config = await read();
  if (inBackground && config.logs.some(({ from }) => from === 'stdin')) {
    throw new KnocktailError('stdin ends with the foreground', {
      exitCode: EXIT.USAGE,
      remedy: 'leave out -d, or name a log file with --log',
    });
  }
  log.use(config);
  const words = wordsFor(config.compat);
  const pidfile = config.pidfile ?? DEFAULT_PIDFILE[config.compat];
  const daemon = new Daemon({
    config,
    openLines: (place, how) => openLines(place, { stdin: io.stdin, ...how }),
    openPosition: ({ firewall, state }, place) =>
      firewall.backend === 'dry-run' ? null : new PositionFile(state, place, log),
    openFirewall: (config) => firewallOf(config, (text) => log.info(text)),
    oneTime: new OneTimeDoors(),
    run: runCommand,
    now: () => Date.now() * US_PER_MS,
    log,
    signal: io.signal,
    ready: () => {
      if (inBackground) settleInBackground(pidfile);
      log.ready(readyLine(config), words.started(config.interface) ?? readyLine(config));
      tellSystemd('READY=1', log);
    },
    debug: options.debug === true ? (packet) => tellPacket(packet, io) : null,
  });
  for (const doubt of new Set(config.logs.flatMap((place) => doubtsOf(place)))) log.warn(doubt);
  let reloads = Promise.resolve();
  io.onHangup(() => {
    reloads = reloads.then(() => reload(daemon, { path, read, log }));
  });
  await daemon.run().finally(async () => {
    if (inBackground) removePidfile(pidfile);
    log.info('shutting down');
    await log.close();
  });
  io.finish(EXIT.OK);
}

interface Reload {
  readonly path: string;
  readonly read: () => Promise<Config>;
  readonly log: DaemonLog;
}

/** A file that is wrong changes nothing. */
async function reload(daemon: Daemon, { path, read, log }: Reload): Promise<void> {
  try {
    const config = await read();
    await daemon.reload(config);
    log.use(config);
    log.info(wordsFor(config.compat).reloaded(path));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    for (const line of text.split('\n')) log.error(line);
    log.error(`${path} was not loaded, going on as before`);
  }
}

function readyLine({ doors, firewall, logs }: Config): string {
  const count = Object.keys(doors).length;
  const watched = `${count} ${count === 1 ? 'door' : 'doors'}`;
  const read = logs.map(({ from, path }) => (from === 'file' ? path : from)).join(', ');
  return `ready: ${watched}, reading ${read}, opening in ${firewall.chain}`;
}

function tellPacket(packet: Packet, { stdout }: Pick<Io, 'stdout'>): void {
  const text = describePacket(packet, flagNames(packet) ?? []);
  stdout.write(`${printable(`${isoTime(packet.time)} ${text}`)}\n`);
}
