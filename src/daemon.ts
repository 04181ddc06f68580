/** The daemon: the one place where the stages meet, line -> packet -> attempt -> opening -> rule. */

import { Engine } from './attempt/engine.ts';
import { switchesFor } from './attempt/switches.ts';
import { locksOf } from './config/locks.ts';
import type { Config } from './config/schema.ts';
import { weaknesses } from './config/weak.ts';
import type { Log } from './log.ts';
import {
  type Decision,
  type Firewall,
  type LineSource,
  type Lock,
  type Micros,
  US_PER_SECOND,
} from './model.ts';
import type { runCommand } from './opening/command.ts';
import { Keeper } from './opening/keeper.ts';
import { PacketScan } from './packet/scan.ts';
import { describe } from './words.ts';

/** How late a logger may write a packet down before the attempt that it belongs to is given up. */
const LOGGER_LAG_US = 2 * US_PER_SECOND;
const FORGERY_REPORT_US = 60 * US_PER_SECOND;

export interface DaemonParts {
  readonly config: Config;
  /** Opens the log that a configuration names; its lines end when the signal aborts. */
  readonly openLines: (config: Config, signal: AbortSignal) => LineSource;
  readonly openFirewall: (config: Config) => Firewall;
  readonly run: typeof runCommand;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly log: Log;
  /** Aborted when the daemon is to end. */
  readonly signal: AbortSignal;
  /** Called once, when the log is open and the chain is hooked. */
  readonly ready: () => void;
}

/** Before `run` is ready, what is wrong is thrown; afterwards nothing that comes in ends it. */
export class Daemon {
  readonly #parts: DaemonParts;
  readonly #keeper: Keeper;
  #config: Config;
  #locks: readonly Lock[];
  #engine: Engine;
  #scan: PacketScan;
  /** Ends the reading of the present log alone. */
  #reading = new AbortController();
  #isReady = false;
  #forged = { reported: 0, reportedAt: Number.NEGATIVE_INFINITY };

  constructor(parts: DaemonParts) {
    const { config, run, now, log } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#locks = locksOf(config);
    this.#engine = engineOf(config, this.#locks);
    this.#scan = new PacketScan({ prefix: config.log.prefix, live: true });
    this.#keeper = new Keeper({ doors: config.doors, firewall: parts.openFirewall(config), run, now, log });
  }

  /**
   * Runs until the signal aborts, or the lines end.
   *
   * @throws KnocktailError when the firewall cannot be had
   */
  async run(): Promise<void> {
    const { log, signal } = this.#parts;
    for (const { door, text } of weaknesses(this.#config)) log.warn(`door ${door}: ${text}`);
    await this.#keeper.start();
    do {
      this.#reading = new AbortController();
      const either = AbortSignal.any([signal, this.#reading.signal]);
      for await (const event of this.#parts.openLines(this.#config, either)) {
        if (event.kind === 'lines') this.#read(event.bytes, event.readAt);
        else if (event.kind === 'drained') this.#letPass(event.at);
        else (event.lost ? log.warn : log.info)(event.text);
      }
    } while (this.#reading.signal.aborted && !signal.aborted);
    await this.#keeper.shutdown();
  }

  /**
   * Goes over to another configuration. Doors that are the same in both keep their attempts and openings.
   *
   * @throws KnocktailError when its firewall cannot be had; the old configuration then stays
   */
  async reload(config: Config): Promise<void> {
    const before = this.#config;
    const isSame = (key: keyof Config): boolean =>
      JSON.stringify(config[key]) === JSON.stringify(before[key]);
    if (!isSame('firewall')) await this.#keeper.setFirewall(this.#parts.openFirewall(config));
    this.#config = config;
    this.#keeper.setDoors(config.doors);
    this.#locks = isSame('log') ? keepSame(locksOf(config), this.#locks, before, config) : locksOf(config);
    if (isSame('compat') && isSame('sweepGuard')) this.#engine.setLocks(this.#locks);
    else this.#engine = engineOf(config, this.#locks);
    if (!isSame('log')) {
      this.#scan = new PacketScan({ prefix: config.log.prefix, live: true });
      this.#reading.abort();
    }
    for (const { door, text } of weaknesses(config)) this.#parts.log.warn(`door ${door}: ${text}`);
  }

  #read(bytes: Buffer, readAt: Micros): void {
    this.#scan.scan(bytes, readAt, (packet) => this.#decide(this.#engine.handlePacket(packet), readAt));
  }

  /** All that was written before this moment has been read. */
  #letPass(at: Micros): void {
    this.#decide(this.#engine.handleTimeout(at - LOGGER_LAG_US), at);
    this.#reportForgeries(at);
    if (!this.#isReady) this.#parts.ready();
    this.#isReady = true;
  }

  /** Decisions go to the log, and those that open a door to the keeper, unless they come too late. */
  #decide(decisions: readonly Decision[], readAt: Micros): void {
    const { log } = this.#parts;
    for (const decision of decisions) {
      log.info(describe(decision));
      if (decision.event === 'trap') this.#keeper.trapped(decision.door, decision.source);
      if (decision.event !== 'open') continue;
      const ageUs = readAt - decision.time;
      if (ageUs <= this.#config.log.maxAgeUs) this.#keeper.opened(decision.door, decision.source);
      else log.warn(`${describe(decision)}: not done, the knock is ${seconds(ageUs)} old (max_age)`);
    }
  }

  /** Tells of lines that carry the prefix and do not come from the kernel, at most once a minute. */
  #reportForgeries(now: Micros): void {
    const { untrusted } = this.#scan.counts;
    const { reported, reportedAt } = this.#forged;
    if (untrusted === reported || now - reportedAt < FORGERY_REPORT_US) return;
    const count = untrusted < reported ? untrusted : untrusted - reported;
    this.#parts.log.warn(`${count} lines carry the prefix but are not the kernel's, and did not count`);
    this.#forged = { reported: untrusted, reportedAt: now };
  }
}

function engineOf({ compat, sweepGuard }: Config, locks: readonly Lock[]): Engine {
  return new Engine(locks, switchesFor(compat, sweepGuard));
}

/** New locks, with the old ones in the place of those whose doors are the same. */
function keepSame(
  made: readonly Lock[],
  old: readonly Lock[],
  before: Config,
  after: Config,
): readonly Lock[] {
  return made.map((lock) => {
    const isSame = JSON.stringify(before.doors[lock.name]) === JSON.stringify(after.doors[lock.name]);
    return (isSame ? old.find(({ name }) => name === lock.name) : undefined) ?? lock;
  });
}

function seconds(us: number): string {
  return `${(us / US_PER_SECOND).toFixed(1)} s`;
}
