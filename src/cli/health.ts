/** `knocktail health`: says whether a daemon runs here and a knock can reach it, for a supervisor that asks each minute. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_CONFIG, type Overrides, override, readConfigFile } from '../config/config-file.ts';
import type { Config } from '../config/schema.ts';
import { nameOf } from '../config/schema.ts';
import { daemonOf } from '../daemon/state-lock.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import { checkDaemon, logOptionsOf, type Process } from '../tools/doctor/daemons.ts';
import { processes } from '../tools/doctor/host.ts';
import { checkLogSource } from '../tools/doctor/log-source.ts';
import { deafDoorsHere, programsOf } from './deaf-doors.ts';
import { firewallOf } from './firewall.ts';
import { withOptions } from './own-command.ts';

const MS_PER_SECOND = 1_000;

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
      const now = override(config, overrides);
      const health = await healthOf(now, running);
      const { trouble } = health;
      const text = trouble === null ? wellText(now, health) : withOptions(trouble, path, overrides);
      io.stdout.write(`${printable(text)}\n`);
      io.finish(trouble === null ? EXIT.OK : EXIT.NO_MATCH);
    });
}

/** What the daemon that runs was told of its log over the configuration. */
export function overridesOf(running: readonly Process[]): Overrides {
  const { logs, prefix } = logOptionsOf(running);
  return { ...(logs.length > 0 ? { log: logs } : {}), ...(prefix === null ? {} : { prefix }) };
}

/** Neither trust nor what the journal holds changes from minute to minute. */
const QUICKLY = { doubts: () => [], hasKernelEntries: async () => true };

interface Health {
  readonly trouble: string | null;
  /** How many openings stand in the chain, where that was looked at. */
  readonly open: number;
  /** What runs, where that is well. */
  readonly daemon: string;
}

/** `well: knocktail runs as 812, 2 doors, reads kmsg, opens in KNOCKD (INPUT), 1 open now` */
function wellText({ doors, logs, firewall }: Config, { daemon, open }: Health): string {
  return [
    `well: ${daemon}`,
    `${doors.size} ${doors.size === 1 ? 'door' : 'doors'}`,
    `reads ${logs.map(nameOf).join(' and ')}`,
    `opens in ${firewall.chain} (${firewall.hooks.join(', ')})`,
    `${open} open now`,
  ].join(', ');
}

async function healthOf(config: Config, running: readonly Process[]): Promise<Health> {
  const { status, detail: daemon } = checkDaemon(running, await daemonOf(config.state));
  const ill = (trouble: string, open = 0): Health => ({ trouble, open, daemon });
  if (status !== 'ok') return ill(daemon);
  for (const log of config.logs) {
    // What `auto` comes to takes a search of the journal, and the daemon has found it.
    if (log.from === 'auto') continue;
    const unread = (await checkLogSource(log, QUICKLY)).find(({ status }) => status === 'fail');
    if (unread !== undefined) return ill(unread.detail);
  }
  const { chain, hooks } = config.firewall;
  const firewall = firewallOf(config, () => undefined);
  const now = Date.now() / MS_PER_SECOND;
  const open = (await firewall.list()).filter(({ until }) => until === null || until > now).length;
  if (!(await firewall.intact()))
    return ill(`${hooks.join(', ')}: no jump to ${chain} where it has to stand`, open);
  const [deaf] = await deafDoorsHere(config, programsOf());
  return { trouble: deaf === undefined ? null : `${deaf.text}: ${deaf.remedy}`, open, daemon };
}
