/** `knocktail list`, `open`, `close` and `flush`: shows and changes the openings in the chain, with or without a daemon. */

import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_CONFIG, readConfigFile } from '../config/config-file.ts';
import { LONGEST_DAYS, parseDuration } from '../config/duration.ts';
import type { Config, DoorConfig } from '../config/schema.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { familyOf } from '../lib/address.ts';
import type { Io } from '../lib/io.ts';
import { localTime } from '../lib/time.ts';
import {
  type Address,
  type Family,
  type Firewall,
  type Micros,
  type Opening,
  US_PER_MS,
  US_PER_SECOND,
} from '../model.ts';
import { idOf, Leases } from '../opening/lease.ts';
import { familyMismatch } from '../opening/reach.ts';
import { describeClosed, describeOpened, describeStillOpen, endOf } from '../telemetry/messages.ts';
import { firewallOf } from './firewall.ts';
import { describeOpening, openingJson } from './print.ts';
import { toAddress } from './typed-address.ts';

interface Options {
  readonly config: string;
  readonly json?: true;
}

interface OpenOptions extends Options {
  readonly for?: Micros;
}

/** The openings whose rules are in the chain. */
interface Listed {
  readonly open: readonly Opening[];
  /** Their time is over, but nothing ended them: the kernel lacks xt_time, and no daemon was there. */
  readonly overdue: readonly Opening[];
  /** The kernel ended them; their rules match nothing any more. */
  readonly expired: readonly Opening[];
}

export function addList(program: Command, io: Io): void {
  withOptions(program.command('list'))
    .summary('list the doors that are open')
    .description('Lists the openings in the chain that have not expired.')
    .action(async (options: Options) => {
      const { firewall } = await prepare(options, io);
      const { open, overdue } = await listed(firewall);
      const now = timeNow();
      for (const opening of open) print(opening, describeOpening(opening, now), options, io);
      for (const opening of overdue) print(opening, describeOverdue(opening), options, io);
      if (open.length + overdue.length === 0) io.stderr.write('no door is open\n');
      io.finish(EXIT.OK);
    });
}

export function addOpen(program: Command, io: Io): void {
  withOptions(program.command('open'))
    .summary('open a door by hand')
    .description('Opens a door for an address as its knock would, but runs no command.')
    .option('--for <duration>', 'keep it open for this long instead, such as 30s, 5m or 2h', toDuration)
    .argument('<door>', 'a door with open:')
    .argument('<ip>', 'the address to open it for', toAddress)
    .action(async (door: string, source: Address, options: OpenOptions) => {
      const { config } = await readConfigFile(options.config);
      const settings = doorNamed(door, config, options.config).open;
      if (settings === null) throw usage('the door has no open:', door, 'name a door that has one');
      const hindered = familyMismatch(source, settings.to);
      if (hindered !== null) throw hindered;
      // Only now, so that a mistyped door is named also where there is no iptables.
      const firewall = firewallFor(config, io);
      const forUs = options.for ?? settings.forUs;
      for (const text of (await firewall.ensure()).told) io.stderr.write(`${text}\n`);
      if (!firewall.hasTime && forUs !== null) {
        throw new KnocktailError('nothing would close the door again', {
          exitCode: EXIT.UNAVAILABLE,
          value: 'this kernel has no xt_time',
          remedy: 'knock, so that the daemon closes it, or load the module xt_time',
        });
      }
      const before = new Set((await firewall.list()).map(idOf));
      await grant(firewall, { door, source, ...settings, forUs });
      const now = timeNow();
      for (const opening of await firewall.list()) {
        if (opening.door !== door || opening.source !== source) continue;
        const text = before.has(idOf(opening))
          ? describeStillOpen(opening, now)
          : describeOpened(opening, forUs, now);
        print(opening, `${door}: ${text}`, options, io);
      }
      io.finish(EXIT.OK);
    });
}

export function addClose(program: Command, io: Io): void {
  withOptions(program.command('close'))
    .summary('close a door by hand')
    .description('Closes a door for an address. Exit code 1 when it was not open.')
    .argument('<door>', 'the door')
    .argument('<ip>', 'the address it is open for', toAddress)
    .action(async (door: string, source: Address, options: Options) => {
      const { config, firewall } = await prepare(options, io);
      const all = await firewall.list();
      // One that has left the configuration may still be open.
      if (!all.some((opening) => opening.door === door)) doorNamed(door, config, options.config);
      const closed = await close((it) => it.door === door && it.source === source, firewall);
      printClosed(closed, options, io);
      if (closed.length === 0) io.stderr.write(`${door} is not open for ${source}\n`);
      io.finish(closed.length === 0 ? EXIT.NO_MATCH : EXIT.OK);
    });
}

export function addFlush(program: Command, io: Io): void {
  withOptions(program.command('flush'))
    .summary('close all doors')
    .description('Closes all doors. Rules in the chain that are not of knocktail stay.')
    .action(async (options: Options) => {
      const { firewall } = await prepare(options, io);
      const closed = await close(() => true, firewall);
      printClosed(closed, options, io);
      if (closed.length === 0) io.stderr.write('no door was open\n');
      io.finish(EXIT.OK);
    });
}

/** The door of a configuration. Throws KnocktailError 64 where there is none. */
export function doorNamed(name: string, { doors }: Config, path: string): DoorConfig {
  const door = doors.get(name);
  if (door === undefined) throw usage('no such door', name, `${path} has ${[...doors.keys()].join(', ')}`);
  return door;
}

function withOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--json', 'one JSON object a line');
}

async function prepare({ config: path }: Options, io: Io): Promise<{ config: Config; firewall: Firewall }> {
  const { config } = await readConfigFile(path);
  return { config, firewall: firewallFor(config, io) };
}

function firewallFor(config: Config, io: Io): Firewall {
  return firewallOf(config, (text) => io.stderr.write(`${text}\n`));
}

async function listed(firewall: Firewall): Promise<Listed> {
  const all = await firewall.list();
  const now = timeNow();
  const isOver = ({ until }: Opening): boolean => until !== null && until * US_PER_SECOND <= now;
  const over = all.filter(isOver);
  // The kernel ends all of them or none: one of each family will tell.
  const endsThem = new Map<Family, boolean>();
  for (const opening of over) {
    const family = familyOf(opening.source);
    // A rule is found as it is where the kernel ends it.
    if (!endsThem.has(family)) endsThem.set(family, await firewall.has(opening));
  }
  const isEnded = ({ source }: Opening): boolean => endsThem.get(familyOf(source)) === true;
  return {
    open: all.filter((it) => !isOver(it)),
    overdue: over.filter((it) => !isEnded(it)),
    expired: over.filter(isEnded),
  };
}

async function grant(firewall: Firewall, wanted: Parameters<Leases['grant']>[0]): Promise<void> {
  const leases = new Leases();
  const now = timeNow();
  const changes = [...leases.adopt(await firewall.list(), now), ...leases.grant(wanted, now)];
  for (const { kind, opening } of changes) {
    if (kind === 'insert') await insert(firewall, opening);
    else await remove(firewall, [opening]);
  }
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

/** @returns those that this has closed; the rules of expired ones are removed as well */
async function close(wanted: (opening: Opening) => boolean, firewall: Firewall): Promise<readonly Opening[]> {
  const { open, overdue, expired } = await listed(firewall);
  await remove(firewall, expired.filter(wanted));
  return remove(firewall, [...open, ...overdue].filter(wanted));
}

function print(opening: Opening, text: string, { json }: Options, io: Io): void {
  io.stdout.write(`${json === true ? openingJson(opening, timeNow()) : text}\n`);
}

function printClosed(closed: readonly Opening[], options: Options, io: Io): void {
  for (const opening of closed)
    print(opening, `${opening.door}: ${describeClosed(opening, timeNow())}`, options, io);
}

function describeOverdue(opening: Opening): string {
  const { door, source, until } = opening;
  const end = localTime((until ?? 0) * US_PER_SECOND);
  return `${door}  ${source}  ${endOf(opening)}  should have closed at ${end}, but is open: knocktail close ${door} ${source}`;
}

function timeNow(): Micros {
  return Date.now() * US_PER_MS;
}

function toDuration(text: string): Micros {
  const us = parseDuration(text);
  if (us === null || us === 0)
    throw new InvalidArgumentError(`Write a duration such as 30s, 5m or 2h, at most ${LONGEST_DAYS}d.`);
  return us;
}

function usage(what: string, value: string, remedy: string): KnocktailError {
  return new KnocktailError(what, { exitCode: EXIT.USAGE, value, remedy });
}
