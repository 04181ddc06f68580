/** `knocktail run`: the daemon, in the foreground or in the background. */

import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { runCommand } from '../command/command.ts';
import { StopFolder } from '../command/stop-store.ts';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from '../config/config-file.ts';
import { requireTrusted } from '../config/config-trust.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Config } from '../config/schema.ts';
import { interfaceName } from '../config/values.ts';
import { isInBackground, removePidfile, settleInBackground, toBackground } from '../daemon/background.ts';
import { CheckpointFile } from '../daemon/checkpoint-file.ts';
import { Daemon } from '../daemon/daemon.ts';
import { DaemonLog } from '../daemon/daemon-log.ts';
import { Reload } from '../daemon/reload.ts';
import { StateLock } from '../daemon/state-lock.ts';
import { tellSystemd } from '../daemon/systemd.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { machineClock } from '../lib/machine-clock.ts';
import { localTime } from '../lib/time.ts';
import { type Packet, US_PER_MS } from '../model.ts';
import { flagNames } from '../packet/format.ts';
import type { LogPlace } from '../source/auto.ts';
import { openLines } from '../source/source.ts';
import { doubtsOfHost } from '../source/trust.ts';
import { messagesFor } from '../telemetry/messages.ts';
import { expose } from '../telemetry/metrics/exposition.ts';
import { familiesOf } from '../telemetry/metrics/families.ts';
import { MetricsFile } from '../telemetry/metrics/file.ts';
import { deafDoorsHere, programsOf } from './deaf-doors.ts';
import { firewallOf } from './firewall.ts';
import { withLogOptions } from './log-options.ts';
import { LogRulesWatch } from './log-rules-watch.ts';
import { withOptions } from './own-command.ts';
import { describePacket } from './print.ts';

const DEFAULT_PIDFILE = { none: '/run/knocktail.pid', knockd: '/var/run/knockd.pid' };

interface Options extends Overrides {
  readonly config: string;
  readonly closeOnExit?: true;
  readonly daemon?: true;
  readonly debug?: true;
  readonly lookup?: true;
  readonly verbose?: true;
}

export function addRun(program: Command, io: Io): void {
  asRun(program.command('run').summary('run the daemon'), DEFAULT_CONFIG, program.version() ?? '', io);
}

/** Makes this the command that runs the daemon. The letters are knockd's, and mean what they mean there. */
export function asRun(command: Command, defaultConfig: string, version: string, io: Io): Command {
  command
    .description(
      'Follows the log and opens doors, until TERM or INT. HUP loads the configuration anew, as does a change of it.',
    )
    .option('-c, --config <file>', 'the configuration, knock.yaml or knockd.conf', defaultConfig);
  return withLogOptions(command)
    .option('--state <folder>', 'keep what must survive a restart here instead')
    .option('--close-on-exit', 'at the end close all doors and run the stop commands that wait')
    .option('--dry-run', 'print rules and commands, and run neither')
    .option('-i, --interface <name>', 'count only packets that came in here', toInterface)
    .option('-4, --only-ip-v4', 'do not count packets over IPv6')
    .option('-g, --logfile <file>', 'tell this file what happens, where the configuration names none')
    .addOption(
      new Option('--log-format <form>', 'tell what happens in this form instead').choices(['text', 'json']),
    )
    .option('-v, --verbose', 'tell stdout what happens even when a log file or syslog is told')
    .option('-D, --debug', 'tell stdout of each packet that counts, and the log of each stage of an attempt')
    .option('-l, --lookup', 'tell the names of hosts with their addresses')
    .option('-d, --daemon', 'run in the background')
    .option(
      '-p, --pidfile <file>',
      'with -d, where the process id is, where the configuration names no place',
    )
    .version(`knocktail ${version}`, '-V, --version')
    .action(async (options: Options) => {
      const inBackground = isInBackground();
      if (options.daemon === true && !inBackground) io.finish(await toBackground(io));
      else await run(options, { inBackground, version }, io);
    });
}

async function run(
  { config: given, ...options }: Options,
  { inBackground, version }: { readonly inBackground: boolean; readonly version: string },
  io: Io,
): Promise<void> {
  const path = resolve(given);
  const read = async (): Promise<Config> => {
    const { config, warnings } = await readConfigFile(path);
    for (const { path: file, text } of requireTrusted(path, config)) log.warn(`${file}: ${text}`);
    for (const { line, text } of warnings) log.warn(`${path}:${line}: ${text}`);
    return override(config, options);
  };
  const log = new DaemonLog(io, {
    verbose: options.verbose === true,
    lookup: options.lookup === true,
    debug: options.debug === true,
  });
  const config = await read();
  if (inBackground && config.logs.some(({ from }) => from === 'stdin')) {
    throw new KnocktailError('stdin ends with the foreground', {
      exitCode: EXIT.USAGE,
      remedy: 'leave out -d, or name a log file with --log',
    });
  }
  log.use(config);
  const words = messagesFor(config.compat);
  const pidfile = config.pidfile ?? DEFAULT_PIDFILE[config.compat];
  const oneTime = new OneTimeDoors();
  const startedAt = Date.now() * US_PER_MS;
  /** What `from: auto` has come to. */
  let chosen: LogPlace | null = null;
  const daemon = new Daemon({
    config,
    openLines: (place, how) =>
      openLines(place, { stdin: io.stdin, ...how, chosen: (choice) => (chosen = choice) }),
    openPosition: ({ firewall, state }, place) =>
      firewall.backend === 'dry-run' ? null : new CheckpointFile(state, place, log),
    openFirewall: (config) =>
      firewallOf(
        config,
        (text) => log.info(text),
        () => daemon.config,
      ),
    openStops: (config) => stopsOf(config, path),
    oneTime,
    run: runCommand,
    now: () => Date.now() * US_PER_MS,
    hostName: hostname(),
    machine: machineClock(),
    closeOnExit: options.closeOnExit === true,
    log,
    signal: io.signal,
    ready: () => {
      if (inBackground) settleInBackground(pidfile);
      const ready = readyLine(config, chosen);
      log.ready(ready, words.started(config.interface) ?? ready);
      tellSystemd('READY=1', log);
      metrics.start();
      logRules.start();
    },
    debug: options.debug === true ? (packet) => log.onStdout(lineOf(packet)) : null,
  });
  const metrics = new MetricsFile({
    path: () => metricsPathOf(daemon.config),
    text: () => expose(familiesOf(daemon.counts(), { version, startedAt })),
    warn: (text) => log.warn(text),
  });
  const programs = programsOf();
  const logRules = new LogRulesWatch({
    config: () => daemon.config,
    look: (config) => deafDoorsHere(config, programs),
    typed: (message) => withOptions(message, path, options),
    log,
  });
  const lock = new StateLock();
  /** A dry run keeps nothing in its folder. */
  const holding = async ({ firewall, state }: Config, then?: () => Promise<void>): Promise<void> => {
    if (firewall.backend === 'dry-run') return then?.();
    const why = await lock.hold(state, then);
    if (why !== null)
      log.warn(`cannot lock the state folder ${state} (${why}): do not start a second daemon with it`);
  };
  const reloaded = async (next: Config): Promise<void> => {
    await holding(next, () => daemon.reload(next));
    logRules.check();
  };
  for (const { what, remedy } of doubtsOfHost()) log.warn(`${what}: ${remedy}`);
  await holding(config);
  const reload = new Reload({ path, read, daemon: { reload: reloaded }, oneTime, log }, config);
  io.stay(() => reload.now());
  await reload.start();
  await daemon.run().finally(async () => {
    logRules.end();
    await reload.stop();
    await metrics.close();
    if (inBackground) removePidfile(pidfile);
    lock.release();
    log.info('shutting down');
    await log.close();
  });
  io.finish(EXIT.OK);
}

/** In an object, as commander takes null for an option that was not understood. */
function toInterface(name: string): Pick<Config, 'interface'> {
  const { data, error } = interfaceName.safeParse(name);
  if (error !== undefined) throw new InvalidArgumentError('Not the name of an interface, nor any.');
  return { interface: data };
}

/** Beside a daemon that opens doors, a dry run of its configuration is not to pass for it. */
function metricsPathOf({ metrics, firewall }: Config): string | null {
  return firewall.backend === 'dry-run' ? null : metrics;
}

/** A folder for each configuration, so that two daemons on one machine do not take each other's. A dry run has none. */
function stopsOf({ state, firewall }: Config, path: string): StopFolder | null {
  const name = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return firewall.backend === 'dry-run' ? null : new StopFolder(join(state, `stops-${name}`));
}

function readyLine({ doors, firewall, logs }: Config, chosen: LogPlace | null): string {
  const watched = `${doors.size} ${doors.size === 1 ? 'door' : 'doors'}`;
  const titleOf = ({ from, path }: LogPlace): string => (from === 'file' ? path : from);
  const read = logs.map((log) =>
    log.from === 'auto' && chosen !== null ? `${titleOf(chosen)} (chosen by auto)` : titleOf(log),
  );
  return `ready: ${watched}, reading ${read.join(', ')}, opening in ${firewall.chain}`;
}

function lineOf(packet: Packet): string {
  return `${localTime(packet.time)}  ${describePacket(packet, flagNames(packet) ?? [])}`;
}
