/** The daemon: follows the logs, lets the engine decide, and opens doors. */

import { Engine } from '../attempt/engine.ts';
import { switchesFor } from '../attempt/switches.ts';
import type { runCommand } from '../command/command.ts';
import type { StopFolder } from '../command/stop-store.ts';
import { keepSame, locksOf } from '../config/locks.ts';
import type { OneTimeDoors, OneTimeNotice } from '../config/one-time-doors.ts';
import type { Config, DoorConfig, LogConfig } from '../config/schema.ts';
import { weaknesses } from '../config/weak.ts';
import { messageOf } from '../errors.ts';
import { FirewallTally } from '../firewall/counted.ts';
import { unless } from '../lib/abortable.ts';
import type { MachineClock } from '../lib/machine-clock.ts';
import {
  type Decision,
  type Firewall,
  type Lock,
  type Micros,
  type Packet,
  US_PER_SECOND,
} from '../model.ts';
import { Doors, type DoorsSettings } from '../opening/doors.ts';
import type { CheckpointStore } from '../source/checkpoint.ts';
import type { Counts } from '../telemetry/counts.ts';
import { EventLogger } from '../telemetry/event-logger.ts';
import type { Log } from '../telemetry/log.ts';
import { type Messages, messagesFor } from '../telemetry/messages.ts';
import type { ReaderParts } from './log-reader.ts';
import { type Arrival, MergedLogs } from './merged-logs.ts';

/** How late a logger may write a packet down before the attempt that it belongs to is given up. */
const LOGGER_LAG_US = 2 * US_PER_SECOND;

export interface DaemonParts {
  readonly config: Config;
  readonly openLines: ReaderParts['openLines'];
  /** Where the place in a log is kept, for the next daemon; null where it is not. */
  readonly openPosition: (config: Config, log: LogConfig) => CheckpointStore | null;
  readonly openFirewall: (config: Config) => Firewall;
  /** Where pending stop commands are saved for the next daemon; null for nowhere. */
  readonly openStops: (config: Config) => StopFolder | null;
  readonly oneTime: OneTimeDoors;
  readonly run: typeof runCommand;
  /** What this machine calls itself. */
  readonly hostName: string;
  /** The wall clock. */
  readonly now: () => Micros;
  readonly machine: MachineClock;
  /** Nothing stays open when it ends. */
  readonly closeOnExit: boolean;
  readonly log: Log;
  /** Aborted when the daemon is to end. */
  readonly signal: AbortSignal;
  /** Called once, when the log is open and the chain is hooked. */
  readonly ready: () => void;
  /** Hears of each packet that counts, before the doors do; null when nobody listens. */
  readonly debug: ((packet: Packet) => void) | null;
}

/**
 * Before `run` is ready, a firewall or a configuration that is wrong is thrown; a log that cannot be read is told of
 * and waited for. Afterwards nothing that comes in ends it.
 */
export class Daemon {
  readonly #parts: DaemonParts;
  readonly #doors: Doors;
  #config: Config;
  #locks: readonly Lock[];
  #engine: Engine;
  readonly #logs: MergedLogs;
  readonly #events: EventLogger;
  readonly #firewallTally = new FirewallTally();
  /** By engines before this one. */
  #evicted = 0;
  #isReady = false;
  /** Doors are opened and trapped one after the other, in the order of the packets. */
  #openings: Promise<void> = Promise.resolve();

  constructor(parts: DaemonParts) {
    const { config, run, now, log, oneTime, openLines, debug, machine, closeOnExit } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#locks = locksOf(config, oneTime);
    this.#engine = engineOf(config, this.#locks, parts.hostName);
    this.#events = new EventLogger({
      log,
      words: () => this.#words(),
      logsNearMisses: () => this.#config.nearMisses,
    });
    const noted = (...args: Parameters<Engine['noted']>): boolean => this.#engine.noted(...args);
    this.#logs = new MergedLogs(config, windowOf(this.#locks), {
      openLines,
      openPosition: parts.openPosition,
      // With --debug every packet is wanted, otherwise only those that the engine has to see.
      notes: debug === null ? { noted } : null,
      log,
      now,
      hostName: parts.hostName,
    });
    this.#doors = new Doors(
      {
        ...{ run, now, machine, closeOnExit, log },
        firewall: this.#firewallTally.watch(parts.openFirewall(config)),
      },
      doorsOf(config, parts.openStops),
    );
  }

  /**
   * Runs until the signal aborts, or the lines end.
   *
   * @throws KnocktailError when the firewall cannot be had, or a file of sequences not be read
   */
  async run(): Promise<void> {
    const { log, signal } = this.#parts;
    this.#tellWeaknesses();
    tellOneTime(await this.#parts.oneTime.fill(this.#config), log);
    await unless(signal, this.#doors.start());
    signal.addEventListener('abort', () => this.#logs.end());
    if (!signal.aborted) await this.#followLogs();
    await this.#openings;
    await this.#doors.shutdown();
  }

  async #followLogs(): Promise<void> {
    for await (const event of this.#logs.events()) {
      if (event.kind === 'packets') for (const arrival of event.arrivals) this.#handlePacket(arrival);
      else this.#handleTime(event.at);
      this.#logs.isUrgent = this.#engine.size > 0;
    }
  }

  /**
   * Goes over to another configuration. Doors that are the same in both keep their attempts and openings.
   *
   * @throws KnocktailError when its firewall cannot be had, or a file of sequences not be read; the old
   *   configuration then stays
   */
  async reload(config: Config): Promise<void> {
    const { oneTime, openFirewall, openStops } = this.#parts;
    tellOneTime(await oneTime.fill(config), this.#parts.log);
    const before = this.#config;
    const isSame = (key: keyof Config): boolean =>
      JSON.stringify(config[key]) === JSON.stringify(before[key]);
    if (isSame('firewall')) this.#doors.manager.ensure();
    else await this.#doors.manager.setFirewall(this.#firewallTally.watch(openFirewall(config)));
    this.#config = config;
    this.#doors.reload(doorsOf(config, openStops));
    const made = locksOf(config, oneTime);
    this.#locks = isSame('interface') && isSame('ipv6') ? keepSame(made, this.#locks, before, config) : made;
    if (isSame('compat') && isSame('sweepGuard')) this.#engine.setLocks(this.#locks);
    else {
      this.#evicted += this.#engine.evicted;
      this.#engine = engineOf(config, this.#locks, this.#parts.hostName);
    }
    this.#logs.use(config, windowOf(this.#locks));
    this.#tellWeaknesses();
  }

  /** The configuration that it goes by. */
  get config(): Config {
    return this.#config;
  }

  counts(): Counts {
    return {
      logs: this.#logs.counts(),
      attempts: this.#engine.size,
      evicted: this.#evicted + this.#engine.evicted,
      ...this.#events.counts([...this.#config.doors.keys()]),
      firewall: this.#firewallTally.counts,
      ...this.#doors.counts(),
    };
  }

  #handlePacket({ packet, readAt, maxAgeUs, again }: Arrival): void {
    this.#parts.debug?.(packet);
    const decisions = this.#engine.handlePacket(packet, readAt);
    // What an earlier daemon has acted on only rebuilds the attempts that were in flight.
    if (again) return;
    this.#decide(decisions, { readAt, maxAgeUs });
    this.#tellSweeps(readAt);
  }

  /** Everything logged before this moment has been read. */
  #handleTime(at: Micros): void {
    // Time alone opens nothing.
    this.#decide(this.#engine.handleTimeout(at - LOGGER_LAG_US), { readAt: at, maxAgeUs: 0 });
    this.#tellSweeps(at);
    this.#events.passed(at);
    if (!this.#isReady) this.#parts.ready();
    this.#isReady = true;
  }

  #tellSweeps(now: Micros): void {
    for (const sweep of this.#engine.takeSweeps()) this.#events.swept(sweep, now);
  }

  /** Decisions go to the log, and those that open a door go on to the opening manager. */
  #decide(decisions: readonly Decision[], { readAt, maxAgeUs }: { readAt: Micros; maxAgeUs: Micros }): void {
    this.#events.decided(decisions, readAt);
    for (const decision of decisions) {
      if (decision.event === 'trap') this.#trap(decision);
      if (decision.event === 'open') this.#open(decision, readAt - decision.time, maxAgeUs);
    }
  }

  /** A one-time sequence is used up before it opens, also by a knock that comes too late to open. */
  #open({ door: name, source }: Decision, ageUs: Micros, maxAgeUs: Micros): void {
    const { log, oneTime } = this.#parts;
    const door = this.#config.doors.get(name);
    if (door === undefined) return;
    const late = { event: 'late', door: name, source };
    const open = async (): Promise<void> => {
      const usedUp = isDry(this.#config) ? null : await oneTime.settle(door);
      if (usedUp !== null) log.error(`door ${name}: ${usedUp}`);
      this.#logs.save();
      if (ageUs <= maxAgeUs) {
        if (this.#config.compat === 'none' && doesNothing(door))
          log.info(`${name}: knocked by ${source}, and does nothing`, { door: name, source });
        this.#doors.manager.opened(name, source);
      } else log.warn(`${source}: ${name}: not opened, the knock is ${seconds(ageUs)} old (max_age)`, late);
    };
    this.#openings = this.#openings.then(open).catch((error: unknown) => {
      log.error(`${source}: ${name}: not opened: ${messageOf(error)}`);
    });
  }

  #trap({ door, source }: Decision): void {
    this.#openings = this.#openings.then(() => this.#doors.manager.trapped(door, source));
  }

  #words(): Messages {
    return messagesFor(this.#config.compat);
  }

  #tellWeaknesses(): void {
    for (const { door, text } of weaknesses(this.#config)) this.#parts.log.warn(`door ${door}: ${text}`);
  }
}

function doorsOf(config: Config, openStops: DaemonParts['openStops']): DoorsSettings {
  const { doors, firewall, compat } = config;
  return { doors, flush: firewall.flush, stops: openStops(config), compat, isDry: isDry(config) };
}

function isDry({ firewall }: Config): boolean {
  return firewall.backend === 'dry-run';
}

/** How long an attempt can be in flight. */
function windowOf(locks: readonly Lock[]): Micros {
  return LOGGER_LAG_US + locks.reduce((most, { seqTimeoutUs }) => Math.max(most, seqTimeoutUs), 0);
}

function engineOf({ compat, sweepGuard }: Config, locks: readonly Lock[], ownHost: string): Engine {
  return new Engine(locks, switchesFor(compat, sweepGuard), { ownHost });
}

/** What else happens at a knock is told as it happens. */
function doesNothing({ open, close, startCommand, startCommand6 }: DoorConfig): boolean {
  return open === null && close === null && !startCommand && !startCommand6;
}

function tellOneTime(notices: readonly OneTimeNotice[], log: Log): void {
  for (const { door, text, isUsedUp } of notices) (isUsedUp ? log.error : log.warn)(`door ${door}: ${text}`);
}

function seconds(us: number): string {
  return `${(us / US_PER_SECOND).toFixed(1)} s`;
}
