/** `knocktail rules`: prints, applies or removes the firewall rules that a configuration needs. */

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from '../config/config-file.ts';
import type { Config } from '../config/schema.ts';
import { daemonOf } from '../daemon/state-lock.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { PROGRAM } from '../lib/install-path.ts';
import type { Io } from '../lib/io.ts';
import type { LockOwner } from '../lib/lock-socket.ts';
import type { Family } from '../model.ts';
import { describeDaemon, runningDaemon } from '../tools/doctor/daemons.ts';
import { outsideInterfaces, processes } from '../tools/doctor/host.ts';
import { changeRules, readHost, whileLocked } from '../tools/setup/apply.ts';
import { type LogChains, type LogSettings, logChains } from '../tools/setup/chains.ts';
import { cronText, logrotateText, ownLog, rsyslogText } from '../tools/setup/log-files.ts';
import { nftText } from '../tools/setup/nft.ts';
import { type Listing, type Passing, type Plan, planRemoval, planRules } from '../tools/setup/plan.ts';
import { knockProbes, openingProbes } from '../tools/setup/probes.ts';
import { restoreText } from '../tools/setup/restore.ts';
import { rulesScript } from '../tools/setup/script.ts';
import type { Watched } from '../tools/setup/watched.ts';
import { withLogOptions } from './log-options.ts';
import { withOptions } from './own-command.ts';
import { confirmShut, MOST_SECONDS, shut } from './shut.ts';
import { watchedBy } from './watched-by.ts';

const FORMATS = ['iptables', 'iptables-restore', 'nft', 'rsyslog', 'logrotate', 'cron'] as const;

interface Options extends Overrides {
  readonly config: string;
  readonly format: (typeof FORMATS)[number];
  readonly family?: Family;
  readonly apply?: true;
  readonly remove?: true;
  readonly ifManaged?: true;
  readonly shut?: true;
  /** Seconds where a number was given. */
  readonly confirm?: number | true;
}

/** What a configuration asks of the firewall. */
interface Wanted {
  readonly config: Config;
  readonly path: string;
  readonly settings: LogSettings;
  readonly watched: (family: Family) => Watched | null;
  readonly chains: (family: Family) => LogChains | null;
  readonly passing: (family: Family) => Passing;
}

export function addRules(program: Command, io: Io): void {
  const command = program
    .command('rules')
    .summary('print or apply the firewall rules of a configuration')
    .description(
      'Prints the rules that log the knocks of a configuration and let its openings in, as a shell script for ' +
        'iptables or in another format; applies them to this host, or removes them.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG);
  withLogOptions(command)
    .addOption(new Option('--format <name>', 'what to print').choices(FORMATS).default('iptables'))
    .option('--family <4|6>', 'with iptables-restore: for IPv4, as without this, or IPv6', toFamily)
    .addOption(
      new Option('--apply', 'put the rules into the firewall of this host').conflicts(['format', 'remove']),
    )
    .addOption(
      new Option(
        '--if-managed',
        'with --apply: change nothing where firewall.manage is false or the backend is dry-run',
      ).conflicts(['format', 'remove']),
    )
    .addOption(new Option('--remove', 'take them away again').conflicts('format'))
    .addOption(
      new Option(
        '--shut',
        'shut the ports of doors to all who have not knocked: remove the rules that let everyone in, add a drop',
      ).conflicts(['format', 'apply', 'remove', 'family']),
    )
    .addOption(
      new Option(
        '--confirm [seconds]',
        'with --shut: undo it after so many seconds (60; 0 for never) unless it is confirmed; alone: confirm it',
      )
        .argParser(toSeconds)
        .conflicts(['format', 'apply', 'remove', 'family']),
    )
    .action(async (options: Options) => {
      requireUse(options);
      if (options.shut === true || options.confirm !== undefined) {
        await shutOrConfirm(options, io);
        return;
      }
      const wanted = await want(resolve(options.config), options);
      if (options.apply === true || options.remove === true) await change(wanted, options, io);
      else io.stdout.write(await print(wanted, options, io));
      io.finish(EXIT.OK);
    });
}

async function shutOrConfirm(
  { config: given, shut: isShut, confirm, ...overrides }: Options,
  io: Io,
): Promise<void> {
  const path = resolve(given);
  const config = override((await readConfigFile(path)).config, overrides);
  const typed = (message: string): string => withOptions(message, path, overrides);
  try {
    if (isShut === true) await shut({ config, path, confirm, typed }, io);
    else await confirmShut(config, io);
  } catch (error) {
    throw error instanceof KnocktailError ? typedError(error, typed) : error;
  }
}

/** The same error with commands that can be typed as they stand. */
function typedError(error: KnocktailError, typed: (message: string) => string): KnocktailError {
  const { what, exitCode, value, where, remedy } = error;
  return new KnocktailError(what, {
    exitCode,
    cause: error,
    ...(value === undefined ? {} : { value }),
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy: typed(remedy) }),
  });
}

/** The other forms are for both families. */
function requireUse({ family, format, shut: isShut, confirm }: Options): void {
  if (isShut !== true && typeof confirm === 'number')
    throw new KnocktailError('seconds are for --shut', {
      exitCode: EXIT.USAGE,
      where: '--confirm',
      value: String(confirm),
      remedy: 'add --shut, or leave the number out to confirm',
    });
  if (family === undefined || format === 'iptables-restore') return;
  throw new KnocktailError('what is printed or done is for both families', {
    exitCode: EXIT.USAGE,
    where: '--family',
    value: String(family),
    remedy: 'leave it out, or add --format iptables-restore',
  });
}

async function want(path: string, overrides: Overrides): Promise<Wanted> {
  const config = override((await readConfigFile(path)).config, overrides);
  const { chain } = config.firewall;
  const settings = { chain, logs: config.logs, sweepGuard: config.sweepGuard };
  const watch = await watchedBy(config);
  const chains = (family: Family): LogChains | null => {
    const seen = watch(family);
    return seen === null ? null : logChains(seen, settings);
  };
  const passing = (family: Family): Passing => {
    const seen = watch(family);
    return {
      openings: openingProbes(config, family, outsideInterfaces(family)),
      knocks: seen === null ? [] : knockProbes(seen),
    };
  };
  return { config, path, settings, watched: watch, chains, passing };
}

async function print(wanted: Wanted, { format, family = 4 }: Options, io: Io): Promise<string> {
  const { config, path, settings, chains } = wanted;
  const {
    firewall,
    logs: [log],
  } = config;
  const file = ownLog(log);
  switch (format) {
    case 'iptables':
      return rulesScript({
        ...firewall,
        path,
        tools: toolsOf(firewall.iptables),
        v4: chains(4),
        v6: chains(6),
      });
    case 'iptables-restore':
      return restore(wanted, family, io);
    case 'nft': {
      const families = ([4, 6] as const).map(wanted.watched).filter((seen) => seen !== null);
      return nftText(families, settings, firewall.hooks);
    }
    case 'rsyslog':
      return rsyslogText(file, log.prefix);
    case 'logrotate':
      return logrotateText(file);
    case 'cron': {
      return cronText([process.execPath, PROGRAM, 'flush', '-c', path]);
    }
  }
}

/** What is missing on this host: a document cannot ask what is there before it adds to it. */
async function restore(
  { config: { firewall }, chains, passing }: Wanted,
  family: Family,
  io: Io,
): Promise<string> {
  const tell = (text: string): unknown => io.stderr.write(`${text}\n`);
  const host = (await readHost(firewall.iptables, firewall, tell)).find((each) => each.family === family);
  if (host === undefined) return restoreText([]);
  const { operations, told } = planRules(
    host.listing,
    firewall,
    chains(family),
    passing(family),
    host.kernel,
  );
  for (const text of told) tell(`# ${text}`);
  return restoreText(operations);
}

async function change(
  { config, chains, passing, path }: Wanted,
  { remove, ifManaged, ...overrides }: Options,
  io: Io,
): Promise<void> {
  const { firewall } = config;
  if (ifManaged === true && (!firewall.manage || firewall.backend === 'dry-run')) {
    io.stdout.write(
      `nothing was changed, as ${path} says ${firewall.manage ? 'backend: dry-run' : 'manage: false'}\n`,
    );
    return;
  }
  if (firewall.backend === 'dry-run') {
    throw new KnocktailError('firewall.backend is dry-run, so nothing is changed', {
      exitCode: EXIT.CONFIG,
      where: path,
      remedy: 'leave out --apply to see the rules',
    });
  }
  const tell = (text: string): unknown => io.stdout.write(`${text}\n`);
  await whileLocked(async () => {
    for (const host of await readHost(firewall.iptables, firewall, tell)) {
      const { family, iptables, kernel } = host;
      const planOf = (listing: Listing): Plan =>
        remove === true
          ? planRemoval(listing, firewall, passing(family).openings)
          : planRules(listing, firewall, chains(family), passing(family), kernel);
      await changeRules(host, firewall, planOf, (plan) => {
        for (const text of plan.told) tell(`${iptables.name}: ${text}`);
        if (plan.operations.length === 0) tell(`${iptables.name}: nothing to do`);
      });
    }
  });
  if (remove !== true || !firewall.manage) return;
  const daemon = runningDaemon(processes(), await daemonOf(config.state));
  if (daemon !== null) io.stderr.write(`${withOptions(undoneBy(daemon, firewall.chain), path, overrides)}\n`);
}

function undoneBy(daemon: LockOwner, chain: string): string {
  const { pid, isInReach } = daemon;
  const how = pid !== null && isInReach ? `systemctl stop knocktail, or kill ${pid}` : 'in its container';
  return (
    `warning: ${describeDaemon(daemon)} and makes ${chain} and the jumps to it again within a minute: ` +
    `stop it (${how}), then repeat knocktail rules --remove`
  );
}

/** As `findBinaries` names them, for a script that looks for itself. */
function toolsOf(choice: string): { readonly v4: string; readonly v6: string } {
  if (choice.startsWith('/')) return { v4: choice, v6: choice.replace(/iptables([^/]*)$/, 'ip6tables$1') };
  const tail = choice === 'auto' ? '' : `-${choice}`;
  return { v4: `iptables${tail}`, v6: `ip6tables${tail}` };
}

function toSeconds(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MOST_SECONDS) return Number(text);
  throw new InvalidArgumentError(
    `Write a number of seconds up to ${MOST_SECONDS}, or 0 for no confirmation.`,
  );
}

function toFamily(text: string): Family {
  if (text === '4') return 4;
  if (text === '6') return 6;
  throw new InvalidArgumentError('Write 4 or 6.');
}
