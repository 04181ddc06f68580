/** Puts the stamps of one host's log lines on the wall clock of this machine. */

import { type Micros, type PlacedBy, US_PER_SECOND } from '../model.ts';
import { PacedOffset } from './paced-offset.ts';
import { ZoneLearner } from './zone-learner.ts';

/** Two stamps of a line agree with an offset when they are no further from it than this. */
const AGREE_US = 2 * US_PER_SECOND;
/** Stamps of logs are whole seconds at the worst. */
const COARSE_US = US_PER_SECOND;
/** printk's clock is not slewed as user space's is, and is off by minutes after a month (measured). */
const DRIFT = 1e-4;
/** Another offset is adopted after so many lines in a row that agree on it and that span so much uptime. */
const RELEARN_LINES = 2;
const RELEARN_US = 4 * US_PER_SECOND;
/** A live line cannot be stamped later than the moment of reading, but for clocks that differ a little. */
const AHEAD_US = 2 * US_PER_SECOND;
/** After such a pause no attempt is in flight that a small correction of a drifting offset could disturb. */
const PAUSE_US = 60 * US_PER_SECOND;
/** Offsets that are remembered beside the current one: a host whose log somebody forges has two. */
const OFFSETS = 4;
/** A kernel's stamp this near to the moment of reading is that of a new line, however far printk has drifted. */
const FRESH_LIMIT_US = 300 * US_PER_SECOND;

export interface Stamps {
  /** A moment. */
  readonly wall: Micros | null;
  /** Whether the wall-clock stamp names its own time zone. */
  readonly hasZone: boolean;
  /** The kernel's own stamp: microseconds since boot. */
  readonly uptimeUs: number | null;
}

export interface Moment {
  readonly time: Micros;
  /** The whole wall-clock second that the log prints, else that of `time`: knockd's clock. */
  readonly second: number;
  readonly clock: PlacedBy;
}

/** What is known of this machine, in whose terms lines are placed. */
export interface Machine {
  /** Whether lines are read as they come; false for a recorded log. */
  readonly live: boolean;
  /** When this machine booted, by its clocks of this moment; null where lines cannot be its own. */
  readonly bootedAt: Micros | null;
}

/** What the owner of a log should know of one host's clock. */
export type ClockNotice =
  /** Its lines agree on another offset than before. */
  | { readonly kind: 'relearned'; readonly host: string; readonly byUs: number }
  /** Its stamps are off by this much, steadily, as those of another time zone are. */
  | { readonly kind: 'zone'; readonly host: string; readonly byUs: number; readonly isZone: boolean };

interface Offset {
  us: Micros;
  /** Lines in a row that agreed on it, and the stamp of the first of them. */
  lines: number;
  firstUptimeUs: number;
  lastUptimeUs: number;
  /** Whether it has been the current one, or this machine's own clocks vouch for it. */
  isProven: boolean;
  /** Whether a second line has agreed on it, or this machine's own clocks do to the second. */
  isConfirmed: boolean;
}

/**
 * Within a boot, times between packets are the kernel's, to the microsecond, however late or coarse the stamps of the
 * logger are: time = uptime + offset.
 *
 * Invariant: the current offset changes only when this machine's own clocks vouch for another, or after several lines
 * in a row that agree on another. A line whose stamps disagree with it is placed by its own syslog stamp, and so costs
 * at most itself. The one exception is a line of this machine that was written down later than the kernel stamped it:
 * a syslog daemon that was stopped writes what it finds in the ring with the time at which it does (rsyslog, observed),
 * and an old knock must not pass for a new one.
 */
export class HostClock {
  readonly #host: string;
  /** Whether lines may be this machine's: they name it, or no host at all. */
  readonly #isOwnName: boolean;
  #zone = new ZoneLearner();
  #current: Offset | null = null;
  #offsets: Offset[] = [];
  /** Whether lines of this host have agreed with the clocks of this machine. */
  #isOwn = false;
  /** What `bootedAt` was when the current offset was adopted. */
  #adoptedBootedAt: Micros | null = null;
  #paced = new PacedOffset();
  /** The offset of lines that have the kernel's stamp alone. */
  #kernelUs: Micros | null = null;
  #notices: ClockNotice[] = [];
  #previous = Number.NEGATIVE_INFINITY;
  #passed = Number.NEGATIVE_INFINITY;
  #disagreed = 0;

  constructor(host: string, isOwnName: boolean) {
    this.#host = host;
    this.#isOwnName = isOwnName;
  }

  place(stamps: Stamps, readAt: Micros, machine: Machine): Moment {
    const moment = this.#place(stamps, readAt, machine);
    // What disagrees with the clock of its host says nothing of the time that has passed there.
    if (moment.clock === 'kernel' || this.#current === null) this.#pass(moment.time);
    return moment;
  }

  /** The moment of a stamp in a log whose two clocks are known to agree; null where a line has to be read in full. */
  ofUptime(uptimeUs: number): Micros | null {
    const us = this.#current?.us ?? this.#kernelUs;
    if (us === null || this.#zone.isLearning) return null;
    const time = uptimeUs + us;
    this.#pass(time);
    return time;
  }

  /** Up to when time has passed at this host. One line alone does not move it, so that a wild stamp ends nothing. */
  get passedAt(): Micros {
    return this.#passed;
  }

  /** How many lines had stamps that disagree with the host's clock. */
  get disagreed(): number {
    return this.#disagreed;
  }

  /** How far the host's stamps are from this machine's clock, as learned: a time zone, or a clock that is fast. */
  get correctionUs(): number {
    return this.#zone.correctionUs;
  }

  /** A clock that goes on from here by itself: a line that is not believed must not set the clock of others. */
  fork(): HostClock {
    const fork = new HostClock(this.#host, this.#isOwnName);
    fork.#zone = this.#zone.fork();
    const copies = new Map(this.#offsets.map((offset) => [offset, { ...offset }]));
    fork.#offsets = [...copies.values()];
    fork.#current = this.#current === null ? null : (copies.get(this.#current) ?? { ...this.#current });
    fork.#isOwn = this.#isOwn;
    fork.#adoptedBootedAt = this.#adoptedBootedAt;
    fork.#paced = this.#paced.fork();
    fork.#kernelUs = this.#kernelUs;
    return fork;
  }

  takeNotices(): readonly ClockNotice[] {
    const notices = this.#notices;
    this.#notices = [];
    return notices;
  }

  #pass(time: Micros): void {
    this.#passed = Math.max(this.#passed, Math.min(this.#previous, time));
    this.#previous = time;
  }

  #place(stamps: Stamps, readAt: Micros, machine: Machine): Moment {
    const { uptimeUs } = stamps;
    const wall = this.#wallOf(stamps, readAt, machine);
    const time =
      uptimeUs === null
        ? null
        : wall === null
          ? this.#fromUptime(uptimeUs, readAt, machine)
          : this.#fromBoth(uptimeUs, wall, readAt, machine);
    const second = (moment: Micros): number => Math.floor((wall ?? moment) / US_PER_SECOND);
    if (time !== null) return { time: time.us, second: second(time.us), clock: time.clock };
    if (wall !== null) return { time: wall, second: second(wall), clock: 'syslog' };
    return { time: readAt, second: second(readAt), clock: 'reading' };
  }

  /** The syslog stamp on this machine's clock; null where there is none, or none that is possible. */
  #wallOf({ wall, hasZone, uptimeUs }: Stamps, readAt: Micros, machine: Machine): Micros | null {
    if (wall === null || !machine.live) return wall;
    const learned = this.#zone.observe(wall, readAt, {
      hasZone,
      isFresh: this.#isFresh(uptimeUs, readAt, machine),
    });
    if (learned !== null) {
      this.#notices.push({ kind: 'zone', host: this.#host, byUs: learned.us, isZone: learned.isZone });
      this.#forget(uptimeUs === null ? null : wall - uptimeUs);
    }
    const corrected = this.#zone.correct(wall, readAt, hasZone);
    return corrected <= readAt + AHEAD_US ? corrected : null;
  }

  /** Forgets what goes by stamps of another zone: offsets such as this one, or all where a line does not show which. */
  #forget(measured: Micros | null): void {
    const isWrong = ({ us }: Offset): boolean => measured === null || Math.abs(us - measured) <= AGREE_US;
    this.#offsets = this.#offsets.filter((offset) => !isWrong(offset));
    if (this.#current !== null && isWrong(this.#current)) this.#current = null;
  }

  /** Whether the kernel's own stamp says that the line is new, whatever the logger's stamp says. */
  #isFresh(uptimeUs: number | null, readAt: Micros, machine: Machine): boolean {
    if (uptimeUs === null) return false;
    const isNear = (offset: Micros | undefined | null, us: number): boolean =>
      offset !== null && offset !== undefined && Math.abs(uptimeUs + offset - readAt) <= us;
    const tolerance = Math.min(FRESH_LIMIT_US, toleranceOf(machine, readAt));
    return isNear(machine.bootedAt, tolerance) || isNear(this.#current?.us, AGREE_US);
  }

  #fromBoth(
    uptimeUs: number,
    wall: Micros,
    readAt: Micros,
    machine: Machine,
  ): { readonly us: Micros; readonly clock: PlacedBy } | null {
    const measured = wall - uptimeUs;
    const current = this.#current;
    if (current !== null && Math.abs(measured - current.us) <= AGREE_US) {
      this.#agree(current, uptimeUs, measured);
      return { us: uptimeUs + current.us, clock: 'kernel' };
    }
    const isOwnClock = isOf(machine, measured, readAt);
    if (isOwnClock) this.#isOwn = true;
    // Where printk may have drifted so far that both could be right, the machine's clocks do not tell.
    const isVouchedFor = isOwnClock && !(current !== null && isOf(machine, current.us, readAt));
    const known = this.#offsets.find(({ us }) => Math.abs(measured - us) <= AGREE_US);
    if (current === null) return this.#first(uptimeUs, measured, readAt, machine, isOwnClock);
    this.#disagreed++;
    if (isVouchedFor || this.#hasStepped(measured - current.us, machine)) {
      const offset = known ?? this.#remember(measured, uptimeUs);
      this.#adopt(offset, machine);
      return { us: uptimeUs + offset.us, clock: 'kernel' };
    }
    if (known?.isProven === true) {
      this.#agree(known, uptimeUs, measured);
      this.#relearn(known, machine);
      return { us: uptimeUs + known.us, clock: 'kernel' };
    }
    const offset = known ?? this.#remember(measured, uptimeUs);
    if (known !== undefined) this.#agree(known, uptimeUs, measured);
    if (this.#relearn(offset, machine)) return { us: uptimeUs + offset.us, clock: 'kernel' };
    const isLate = machine.live && machine.bootedAt !== null && measured > current.us && this.#mayBeLate;
    if (isLate && current.isConfirmed) return { us: uptimeUs + current.us, clock: 'kernel' };
    // Lines that agree are as far apart as the kernel says; one that may be of another kind stands for itself.
    const isOfOffset = Math.abs(measured - offset.us) <= COARSE_US;
    return { us: isOfOffset ? uptimeUs + offset.us : wall, clock: 'syslog' };
  }

  get #mayBeLate(): boolean {
    return this.#isOwn || this.#isOwnName;
  }

  /** Nothing was read before that tells: the clocks of this machine do, as far as the line can be its own. */
  #first(
    uptimeUs: number,
    measured: Micros,
    readAt: Micros,
    machine: Machine,
    isOwnClock: boolean,
  ): { readonly us: Micros; readonly clock: PlacedBy } {
    const offset = this.#remember(measured, uptimeUs);
    const { bootedAt, live } = machine;
    const isLate =
      live &&
      bootedAt !== null &&
      this.#isOwnName &&
      !isOwnClock &&
      measured - bootedAt > toleranceOf(machine, readAt);
    if (!isLate || bootedAt === null) {
      this.#adopt(offset, machine);
      return { us: uptimeUs + offset.us, clock: 'kernel' };
    }
    const own = this.#remember(bootedAt, uptimeUs);
    own.lines = 0;
    this.#adopt(own, machine);
    return { us: uptimeUs + own.us, clock: 'kernel' };
  }

  /** The wall clock of this machine was set, or the machine slept, by as much as these stamps have jumped. */
  #hasStepped(jumpUs: number, { bootedAt }: Machine): boolean {
    if (bootedAt === null || this.#adoptedBootedAt === null || !this.#mayBeLate) return false;
    const steppedUs = bootedAt - this.#adoptedBootedAt;
    return Math.abs(steppedUs) > AGREE_US && Math.abs(jumpUs - steppedUs) <= AGREE_US;
  }

  #agree(offset: Offset, uptimeUs: number, measured: Micros): void {
    for (const other of this.#offsets) if (other !== offset) other.lines = 0;
    offset.isConfirmed = true;
    // The two clocks drift apart; after a pause a small correction disturbs nothing.
    const pausedUs = uptimeUs - offset.lastUptimeUs;
    const offUs = measured - offset.us;
    if (pausedUs > PAUSE_US && Math.abs(offUs) > COARSE_US)
      offset.us += Math.sign(offUs) * Math.min(Math.abs(offUs), Math.round(pausedUs * DRIFT));
    if (offset.lines === 0 || uptimeUs < offset.lastUptimeUs) {
      offset.lines = 0;
      offset.firstUptimeUs = uptimeUs;
    }
    offset.lines++;
    offset.lastUptimeUs = uptimeUs;
  }

  #remember(measured: Micros, uptimeUs: number): Offset {
    for (const other of this.#offsets) other.lines = 0;
    const offset = {
      us: measured,
      lines: 1,
      firstUptimeUs: uptimeUs,
      lastUptimeUs: uptimeUs,
      isProven: false,
      isConfirmed: false,
    };
    this.#offsets.push(offset);
    if (this.#offsets.length > OFFSETS) {
      const oldest = this.#offsets.findIndex((other) => other !== this.#current && other !== offset);
      const unproven = this.#offsets.findIndex((other) => !other.isProven && other !== offset);
      this.#offsets.splice(unproven >= 0 ? unproven : oldest, 1);
    }
    return offset;
  }

  /** Makes an offset the current one once enough lines in a row agree on it. */
  #relearn(offset: Offset, machine: Machine): boolean {
    const spannedUs = offset.lastUptimeUs - offset.firstUptimeUs;
    if (offset.lines < RELEARN_LINES || spannedUs < RELEARN_US) return false;
    this.#adopt(offset, machine);
    return true;
  }

  #adopt(offset: Offset, { bootedAt }: Machine): void {
    const before = this.#current;
    if (before !== null)
      this.#notices.push({ kind: 'relearned', host: this.#host, byUs: offset.us - before.us });
    offset.isProven = true;
    if (bootedAt !== null && Math.abs(offset.us - bootedAt) <= AGREE_US) offset.isConfirmed = true;
    this.#current = offset;
    this.#adoptedBootedAt = bootedAt;
  }

  /** A line that has the kernel's stamp alone; null where that says nothing of its age. */
  #fromUptime(
    uptimeUs: number,
    readAt: Micros,
    machine: Machine,
  ): { readonly us: Micros; readonly clock: PlacedBy } | null {
    const us = this.#offsetWithout(uptimeUs, readAt, machine);
    if (us === null || (machine.live && uptimeUs + us > readAt + AHEAD_US)) return null;
    this.#kernelUs = us;
    return { us: uptimeUs + us, clock: 'kernel' };
  }

  #offsetWithout(uptimeUs: number, readAt: Micros, { bootedAt }: Machine): Micros | null {
    if (this.#current !== null) return this.#current.us;
    // Where nothing says when the machine booted, the first line is as old as its reading.
    if (bootedAt === null) return this.#kernelUs ?? readAt - uptimeUs;
    if (!this.#mayBeLate) return null;
    return Math.min(this.#paced.of(uptimeUs, readAt, bootedAt), readAt - uptimeUs);
  }
}

/** Whether an offset is that of this machine, as far as printk's clock can be trusted after its uptime. */
function isOf(machine: Machine, offset: Micros, readAt: Micros): boolean {
  return machine.bootedAt !== null && Math.abs(offset - machine.bootedAt) <= toleranceOf(machine, readAt);
}

function toleranceOf({ bootedAt }: Machine, readAt: Micros): number {
  return AGREE_US + (bootedAt === null ? 0 : (readAt - bootedAt) * DRIFT);
}
