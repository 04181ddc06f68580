/** `knocktail rules`: a configuration -> the rules that log its knocks, printed in a format, applied or removed. */

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config/schema.ts';
import { outsideInterfaces } from '../doctor/host.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { PROGRAM } from '../home.ts';
import type { Family } from '../model.ts';
import { carryOut, expectRules, readHost } from '../setup/apply.ts';
import { type LogChains, type LogSettings, logChains } from '../setup/chains.ts';
import { cronText, logrotateText, ownLog, rsyslogText } from '../setup/log-files.ts';
import { nftText } from '../setup/nft.ts';
import { type Passing, planRemoval, planRules } from '../setup/plan.ts';
import { knockProbes, openingProbes } from '../setup/probes.ts';
import { restoreText } from '../setup/restore.ts';
import { rulesScript } from '../setup/script.ts';
import type { Watched } from '../setup/watched.ts';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from './config-file.ts';
import type { Io } from './io.ts';
import { withLogOptions } from './log-options.ts';
import { watchedBy } from './watched-by.ts';

const FORMATS = ['iptables', 'iptables-restore', 'nft', 'rsyslog', 'logrotate', 'cron'] as const;

interface Options extends Overrides {
  readonly config: string;
  readonly format: (typeof FORMATS)[number];
  readonly family?: Family;
  readonly apply?: true;
  readonly remove?: true;
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
    .addOption(new Option('--remove', 'take them away again').conflicts('format'))
    .action(async (options: Options) => {
      requireUse(options);
      const wanted = await want(resolve(options.config), options);
      if (options.apply === true || options.remove === true) await change(wanted, options, io);
      else io.stdout.write(await print(wanted, options, io));
      io.finish(EXIT.OK);
    });
}

/** The other forms are for both families. */
function requireUse({ family, format }: Options): void {
  if (family === undefined || format === 'iptables-restore') return;
  throw new KnocktailError('a family is asked for, and this is for both', {
    exitCode: EXIT.USAGE,
    where: '--family',
    value: String(family),
    remedy: 'leave it out, or say --format iptables-restore',
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
  { config: { firewall }, chains, passing, path }: Wanted,
  { remove }: Options,
  io: Io,
): Promise<void> {
  if (firewall.backend === 'dry-run') {
    throw new KnocktailError('firewall.backend is dry-run, so nothing is changed', {
      exitCode: EXIT.CONFIG,
      where: path,
      remedy: 'leave out --apply to see the rules',
    });
  }
  const tell = (text: string): unknown => io.stdout.write(`${text}\n`);
  for (const { family, iptables, listing, kernel } of await readHost(firewall.iptables, firewall, tell)) {
    const plan =
      remove === true
        ? planRemoval(listing, firewall)
        : planRules(listing, firewall, chains(family), passing(family), kernel);
    await expectRules(plan, iptables, firewall.chain);
    await carryOut(plan, iptables);
    for (const text of plan.told) tell(`${iptables.name}: ${text}`);
    if (plan.operations.length === 0) tell(`${iptables.name}: nothing to do`);
  }
}

/** As `findBinaries` names them, for a script that looks for itself. */
function toolsOf(choice: string): { readonly v4: string; readonly v6: string } {
  if (choice.startsWith('/')) return { v4: choice, v6: choice.replace(/iptables([^/]*)$/, 'ip6tables$1') };
  const tail = choice === 'auto' ? '' : `-${choice}`;
  return { v4: `iptables${tail}`, v6: `ip6tables${tail}` };
}

function toFamily(text: string): Family {
  if (text === '4') return 4;
  if (text === '6') return 6;
  throw new InvalidArgumentError('Write 4 or 6.');
}
