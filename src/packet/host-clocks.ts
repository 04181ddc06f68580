/** Keeps one clock for each host whose lines a log holds, in bounded number. */

import { isSameHost } from '../lib/host-name.ts';
import { RecentMap } from '../lib/recent-map.ts';
import { LOCAL_ZONE, momentOf, parseTimeZone, type TimeZone } from '../lib/time-zone.ts';
import { type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';
import { type ClockNotice, HostClock, type Moment, type Stamps } from './clock.ts';

/** A syslog server hears from fewer; anyone who writes more names than this makes the oldest unused forgotten. */
const HOSTS = 4_096;
/** What is kept for a reader that asks for it twice a second at the least. */
const NOTICES = 64;
const US_PER_MINUTE = 60 * US_PER_SECOND;

/** Puts a line of a host on the wall clock of this machine. */
export interface Clocks {
  /** @param host as the line has it; empty where it names none */
  place(host: string, stamps: Stamps, readAt: Micros): Moment;
}

export interface HostClocksOptions {
  /** Whether lines are read as they come; false for a recorded log. */
  readonly live: boolean;
  /** What this machine calls itself; null where lines cannot be its own. */
  readonly ownName?: string | null;
  /** The zone of stamps that name none, as configured; null for that of this process, or as learned from live lines. */
  readonly timezone?: string | null;
}

export class HostClocks implements Clocks {
  readonly #live: boolean;
  readonly #ownName: string | null;
  readonly #timezone: TimeZone | null;
  readonly #clocks = new RecentMap<string, HostClock>(HOSTS);
  #bootedAt: Micros | null = null;
  /** Most lines are of the host of the line before. */
  #lastHost = '';
  #lastClock: HostClock | null = null;
  #notices: ClockNotice[] = [];
  #disagreed = 0;

  constructor({ live, ownName = null, timezone = null }: HostClocksOptions) {
    this.#timezone = timezone === null ? null : parseTimeZone(timezone);
    this.#live = live;
    this.#ownName = ownName;
  }

  /** Lines from here on are read on a machine that booted at this moment; null where they cannot be its own. */
  booted(at: Micros | null): void {
    this.#bootedAt = at;
  }

  place(host: string, stamps: Stamps, readAt: Micros): Moment {
    const clock = this.of(host);
    const before = clock.disagreed;
    const moment = clock.place(this.#zoned(stamps, readAt), readAt, this.#machine);
    this.#disagreed += clock.disagreed - before;
    for (const notice of clock.takeNotices()) if (this.#notices.length < NOTICES) this.#notices.push(notice);
    return moment;
  }

  /** The same for lines that are not believed, which therefore must not set a clock, nor make a host known. */
  get aside(): Clocks {
    return {
      place: (host, stamps, readAt) => {
        const clock = this.#clocks.peek(host)?.fork() ?? new HostClock(host, this.#canBeOwn(host));
        return clock.place(this.#zoned(stamps, readAt), readAt, this.#machine);
      },
    };
  }

  of(host: string): HostClock {
    if (this.#lastHost === host && this.#lastClock !== null) return this.#lastClock;
    const known = this.#clocks.get(host);
    const clock = known ?? new HostClock(host, this.#canBeOwn(host));
    if (known === undefined) this.#clocks.set(host, clock);
    this.#lastHost = host;
    this.#lastClock = clock;
    return clock;
  }

  /** Lines whose stamps disagreed with the clock of their host. */
  get disagreed(): number {
    return this.#disagreed;
  }

  /** The hosts that are known. */
  get hosts(): readonly string[] {
    return this.#clocks.keys();
  }

  /** What has happened to clocks since this was last asked. */
  takeNotices(): readonly ClockNotice[] {
    const notices = this.#notices;
    this.#notices = [];
    return notices;
  }

  /** With civil time as a moment. Where the zone is configured, none is to be learned. */
  #zoned({ wall, hasZone, uptimeUs }: Stamps, readAt: Micros): Stamps {
    if (wall === null || hasZone) return { wall, hasZone, uptimeUs };
    return { wall: this.momentOf(wall, readAt), hasZone: this.#timezone !== null, uptimeUs };
  }

  /** The moment of civil time that is given as if it were UTC. */
  momentOf(civil: Micros, readAt: Micros): Micros {
    const minute = Math.floor(civil / US_PER_MINUTE) * US_PER_MINUTE;
    return momentOf(this.#timezone ?? LOCAL_ZONE, minute / US_PER_MS, readAt) + (civil - minute);
  }

  /** Whether lines of this name can be this machine's: they name it, or nothing says what it is called. */
  #canBeOwn(host: string): boolean {
    return host === '' || this.#ownName === null || isSameHost(host, this.#ownName);
  }

  get #machine() {
    return { live: this.#live, bootedAt: this.#bootedAt };
  }
}
