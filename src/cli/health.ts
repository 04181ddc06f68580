/** `knocktail health`: whether a daemon runs here and a knock can reach it, for a supervisor that asks each minute. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { checkDaemon, logOptionsOf, type Process } from '../doctor/daemons.ts';
import { processes } from '../doctor/host.ts';
import { checkLogSource } from '../doctor/log-source.ts';
import { EXIT } from '../errors.ts';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from './config-file.ts';
import { deafDoorsHere, programsOf } from './deaf-doors.ts';
import { firewallOf } from './firewall.ts';
import type { Io } from './io.ts';
import { withOptions } from './own-command.ts';
import { daemonOf } from './state-lock.ts';

interface Options {
  readonly config: string;
}

export function addHealth(program: Command, io: Io): void {
  program
    .command('health')
    .summary('tell whether a daemon runs here and can open')
    .description(
      'Looks whether a daemon runs, its log can be read, its chain is hooked and the firewall logs the knocks of each ' +
        'door; changes nothing. Exit code 0 when all of that is so, 1 when not. The doctor tells more, and takes longer.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .action(async ({ config: given }: Options) => {
      const path = resolve(given);
      const { config } = await readConfigFile(path);
      const running = processes();
      const overrides = overridesOf(running);
      const found = await troubleOf(override(config, overrides), running);
      const trouble = found === null ? null : withOptions(found, path, overrides);
      io.stdout.write(`${trouble ?? 'well'}\n`);
      io.finish(trouble === null ? EXIT.OK : EXIT.NO_MATCH);
    });
}

/** What the daemon that runs was told of its log over the configuration. */
function overridesOf(running: readonly Process[]): Overrides {
  const { logs, prefix } = logOptionsOf(running);
  return { ...(logs.length > 0 ? { log: logs } : {}), ...(prefix === null ? {} : { prefix }) };
}

/** Neither trust nor what the journal holds changes from minute to minute. */
const QUICKLY = { doubts: () => [], hasKernelEntries: async () => true };

async function troubleOf(config: Config, running: readonly Process[]): Promise<string | null> {
  const daemon = checkDaemon(running, await daemonOf(config.state));
  if (daemon.status !== 'ok') return daemon.detail;
  for (const log of config.logs) {
    // What `auto` comes to takes a search of the journal, and the daemon has found it.
    if (log.from === 'auto') continue;
    const unread = (await checkLogSource(log, QUICKLY)).find(({ status }) => status === 'fail');
    if (unread !== undefined) return unread.detail;
  }
  const { chain, hooks } = config.firewall;
  const firewall = firewallOf(config, () => undefined);
  await firewall.list();
  if (!(await firewall.intact())) return `${hooks.join(', ')}: no jump to ${chain} where it has to stand`;
  const [deaf] = await deafDoorsHere(config, programsOf());
  return deaf === undefined ? null : `${deaf.text}: ${deaf.remedy}`;
}
