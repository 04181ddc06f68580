/** The daemon: the one place where the stages meet, line -> packet -> attempt -> opening -> rule. */

import { Engine } from './attempt/engine.ts';
import { switchesFor } from './attempt/switches.ts';
import { locksOf } from './config/locks.ts';
import type { Config } from './config/schema.ts';
import { weaknesses } from './config/weak.ts';
import type { Log } from './log.ts';
import { type Decision, type Firewall, type LineSource, type Micros, US_PER_SECOND } from './model.ts';
import type { runCommand } from './opening/command.ts';
import { Keeper } from './opening/keeper.ts';
import { PacketScan } from './packet/scan.ts';
import { describe } from './words.ts';

/** How late a logger may write a packet down before the attempt that it belongs to is given up. */
const LOGGER_LAG_US = 2 * US_PER_SECOND;
const FORGERY_REPORT_US = 60 * US_PER_SECOND;

export interface DaemonParts {
  readonly config: Config;
  /** Ends when the daemon is to end. */
  readonly lines: LineSource;
  readonly firewall: Firewall;
  readonly run: typeof runCommand;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly log: Log;
  /** Called once, when the log is open and the chain is hooked. */
  readonly ready: () => void;
}

/**
 * Runs until the lines end. Before it is ready, what is wrong is thrown; afterwards nothing that comes in
 * ends it.
 *
 * @throws KnocktailError when the firewall cannot be had
 */
export async function runDaemon({
  config,
  lines,
  firewall,
  run,
  now,
  log,
  ready,
}: DaemonParts): Promise<void> {
  const engine = new Engine(locksOf(config), switchesFor(config.compat, config.sweepGuard));
  const scan = new PacketScan({ prefix: config.log.prefix, live: true });
  const keeper = new Keeper({ doors: config.doors, firewall, run, now, log });
  const decide = decider(keeper, config.log.maxAgeUs, log);
  const watch = forgeryWatch(scan, log);

  for (const { door, text } of weaknesses(config)) log.warn(`door ${door}: ${text}`);
  for (const text of await firewall.ensure()) log.info(text);
  await keeper.start();

  let isReady = false;
  for await (const event of lines) {
    if (event.kind === 'lines') {
      scan.scan(event.bytes, event.readAt, (packet) => decide(engine.handlePacket(packet), event.readAt));
    } else if (event.kind === 'drained') {
      decide(engine.handleTimeout(event.at - LOGGER_LAG_US), event.at);
      watch(event.at);
      if (!isReady) ready();
      isReady = true;
    } else {
      (event.lost ? log.warn : log.info)(event.text);
    }
  }
  await keeper.shutdown();
}

/** Decisions go to the log, and those that open a door to the keeper, unless they come too late. */
function decider(keeper: Keeper, maxAgeUs: number, log: Log) {
  return (decisions: readonly Decision[], readAt: Micros): void => {
    for (const decision of decisions) {
      log.info(describe(decision));
      if (decision.event === 'trap') keeper.trapped(decision.door, decision.source);
      if (decision.event !== 'open') continue;
      const ageUs = readAt - decision.time;
      if (ageUs <= maxAgeUs) keeper.opened(decision.door, decision.source);
      else log.warn(`${describe(decision)}: not done, the knock is ${seconds(ageUs)} old (max_age)`);
    }
  };
}

/** Tells of lines that carry the prefix and do not come from the kernel, at most once a minute. */
function forgeryWatch(scan: PacketScan, log: Log) {
  let reported = 0;
  let reportedAt = Number.NEGATIVE_INFINITY;
  return (now: Micros): void => {
    const { untrusted } = scan.counts;
    if (untrusted === reported || now - reportedAt < FORGERY_REPORT_US) return;
    log.warn(`${untrusted - reported} lines carry the prefix but are not the kernel's, and did not count`);
    reported = untrusted;
    reportedAt = now;
  };
}

function seconds(us: number): string {
  return `${(us / US_PER_SECOND).toFixed(1)} s`;
}
