/** `knocktail list`, `open`, `close` and `flush`: the openings in the chain, with or without a daemon. */

import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { type Address, type Firewall, type Opening, US_PER_MS } from '../model.ts';
import { Leases } from '../opening/lease.ts';
import { hindrance } from '../opening/reach.ts';
import { DEFAULT_CONFIG, readConfigFile } from './config-file.ts';
import { firewallOf } from './firewall.ts';
import type { Io } from './io.ts';
import { describeOpening, openingJson } from './print.ts';
import { toAddress } from './typed-address.ts';

interface Options {
  readonly config: string;
  readonly json?: true;
}

export function addList(program: Command, io: Io): void {
  withOptions(program.command('list'))
    .summary('list the doors that are open')
    .description('Lists the openings that stand in the chain.')
    .action(async (options: Options) => {
      const { firewall } = await prepare(options, io);
      const openings = await firewall.list();
      for (const opening of openings) show(opening, options, io);
      if (openings.length === 0) io.stderr.write('no door is open\n');
      io.finish(EXIT.OK);
    });
}

export function addOpen(program: Command, io: Io): void {
  withOptions(program.command('open'))
    .summary('open a door by hand')
    .description('Opens a door for an address, as its knock would; runs no command.')
    .argument('<door>', 'a door with open:')
    .argument('<ip>', 'the address to open it for', toAddress)
    .action(async (door: string, source: Address, options: Options) => {
      const { config, firewall } = await prepare(options, io);
      const open = doorNamed(door, config, options.config).open;
      if (open === null) throw usage('the door has no open:', door, 'name one that has');
      const hindered = hindrance(source, open.to);
      if (hindered !== null) throw hindered;
      for (const text of (await firewall.ensure()).told) io.stderr.write(`${text}\n`);
      if (!firewall.hasTime && open.forUs !== null) {
        throw new KnocktailError('nothing would shut the door again', {
          exitCode: EXIT.UNAVAILABLE,
          value: 'no xt_time in this kernel',
          remedy: 'knock, so that the daemon shuts it, or load the module xt_time',
        });
      }
      const leases = new Leases();
      const now = Date.now() * US_PER_MS;
      const changes = [
        ...leases.adopt(await firewall.list(), now),
        ...leases.grant({ door, source, ...open }, now),
      ];
      for (const { kind, opening } of changes) {
        if (kind === 'insert') await insert(firewall, opening);
        else await remove(firewall, [opening]);
      }
      const standing = (await firewall.list()).filter((it) => it.door === door && it.source === source);
      for (const opening of standing) show(opening, options, io);
      io.finish(EXIT.OK);
    });
}

export function addClose(program: Command, io: Io): void {
  withOptions(program.command('close'))
    .summary('close a door by hand')
    .description('Takes the opening of a door for an address away; exit code 1 when there is none.')
    .argument('<door>', 'the door')
    .argument('<ip>', 'the address it is open for', toAddress)
    .action(async (door: string, source: Address, options: Options) => {
      const { firewall } = await prepare(options, io);
      const closed = await close((it) => it.door === door && it.source === source, { firewall, options, io });
      if (closed === 0) io.stderr.write(`${source}: ${door}: is not open\n`);
      io.finish(closed === 0 ? EXIT.NO_MATCH : EXIT.OK);
    });
}

export function addFlush(program: Command, io: Io): void {
  withOptions(program.command('flush'))
    .summary('close all doors')
    .description('Takes all openings out of the chain; rules that are not of knocktail stay.')
    .action(async (options: Options) => {
      const { firewall } = await prepare(options, io);
      const closed = await close(() => true, { firewall, options, io });
      if (closed === 0) io.stderr.write('no door was open\n');
      io.finish(EXIT.OK);
    });
}

function withOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--json', 'one JSON object a line');
}

async function prepare({ config: path }: Options, io: Io): Promise<{ config: Config; firewall: Firewall }> {
  const { config } = await readConfigFile(path);
  return { config, firewall: firewallOf(config, (text) => io.stderr.write(`${text}\n`)) };
}

async function insert(firewall: Firewall, opening: Opening): Promise<void> {
  const refused = (await firewall.insert([opening])).get(opening);
  if (refused !== undefined) throw refused.error;
}

/** @returns those that were there: one may have ended by itself since it was listed */
async function remove(firewall: Firewall, openings: readonly Opening[]): Promise<readonly Opening[]> {
  const left = await firewall.remove(openings);
  for (const error of left.values()) if (error !== null) throw error;
  return openings.filter((opening) => !left.has(opening));
}

async function close(
  wanted: (opening: Opening) => boolean,
  { firewall, options, io }: { firewall: Firewall; options: Options; io: Io },
): Promise<number> {
  const closed = await remove(firewall, (await firewall.list()).filter(wanted));
  for (const opening of closed) show(opening, options, io, 'closed  ');
  return closed.length;
}

function show(opening: Opening, { json }: Options, io: Io, before = ''): void {
  const now = Date.now();
  const text = json === true ? openingJson(opening, now) : `${before}${describeOpening(opening, now)}`;
  io.stdout.write(`${text}\n`);
}

function doorNamed(name: string, { doors }: Config, path: string): Config['doors'][string] {
  const door = Object.hasOwn(doors, name) ? doors[name] : undefined;
  if (door === undefined) throw usage('no such door', name, `${path} has ${Object.keys(doors).join(', ')}`);
  return door;
}

function usage(what: string, value: string, remedy: string): KnocktailError {
  return new KnocktailError(what, { exitCode: EXIT.USAGE, value, remedy });
}
