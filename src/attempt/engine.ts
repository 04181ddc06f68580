/** Decides from packets and time which doors open, by the sequences they wait for. */

import { addressOf, numbersOf } from '../lib/address.ts';
import {
  type AddressNumbers,
  type Decision,
  type Lock,
  type Micros,
  type Packet,
  type PacketNotes,
  type Sequence,
  type Sweep,
  US_PER_SECOND,
} from '../model.ts';
import { Deadlines } from './deadlines.ts';
import { compile, type DoorMatcher, type Fit, portKey, sees, type Track } from './door-matcher.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import { HostNumbers } from './host-numbers.ts';
import { Progress } from './progress.ts';
import { SweepGuard } from './sweep.ts';
import type { Switches } from './switches.ts';
import { AttemptTable, DEFAULT_CAPACITY, NO_SLOT } from './table.ts';

type Why = Decision['why'];

const NO_SWEEPS: readonly Sweep[] = [];
const NO_DECISIONS: readonly Decision[] = [];

export interface EngineOptions {
  /** Attempts that are remembered at once. */
  readonly capacity?: number;
  /** What this machine calls itself: lines that name it, and lines that name no host, are of one host. */
  readonly ownHost?: string | null;
}

/**
 * The sequence engine. A door opens when a client's packets hold its sequence, in order and inside its window, and each
 * packet that the door sees between two of these knocks fits a step before it: it repeats a step, and is ignored.
 *
 * It has no clock: time comes with each packet and each call, and what is to happen
 * later goes out as `nextDeadline()`. A call of `handleTimeout` that nothing was due for is harmless.
 */
export class Engine implements PacketNotes {
  readonly #switches: Switches;
  #locks: readonly Lock[];
  readonly #table: AttemptTable;
  readonly #progress: Progress;
  readonly #deadlines: Deadlines;
  readonly #hosts: HostNumbers;
  readonly #guard: SweepGuard;
  #sweeps: Sweep[] = [];
  readonly #doubles = new DuplicateFilter();
  #live: (readonly Sequence[])[] = [];
  /** The numbers of the locks whose sequences can change. */
  #changing: readonly number[] = [];
  #sight: DoorMatcher = compile([], [], []);
  /** The longest window of any door. */
  #longestUs = 0;
  #evicted = 0;
  /** How long after its own time the packet came that is being handled. */
  #lagUs = 0;
  /** The tracks that the current packet has met in mid-attempt, and which it therefore cannot start. */
  readonly #met: Track[] = [];
  #decisions: Decision[] = [];

  constructor(
    locks: readonly Lock[],
    switches: Switches,
    { capacity = DEFAULT_CAPACITY, ownHost = null }: EngineOptions = {},
  ) {
    this.#locks = locks;
    this.#switches = switches;
    this.#table = new AttemptTable(capacity);
    this.#progress = new Progress(capacity);
    this.#deadlines = new Deadlines(capacity);
    this.#hosts = new HostNumbers(ownHost);
    this.#guard = new SweepGuard(switches.sweepGuard, capacity);
  }

  /** Attempts in flight. */
  get size(): number {
    return this.#table.size;
  }

  /** Attempts given up because the table was full. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Watches other doors from now on. A door that is the same object keeps its attempts. */
  setLocks(locks: readonly Lock[]): void {
    this.#locks = locks;
    this.#live = [];
  }

  /**
   * What a packet does: first to the attempts that run, then by beginning others. Packets come in the order of the log.
   *
   * @param readAt the moment at which it came, on the clock of `handleTimeout`: the clock of the host that logged it
   *   may be another, and an attempt lasts as long by either
   */
  handlePacket(packet: Packet, readAt = packet.time): readonly Decision[] {
    const now = this.#time(packet);
    // knockd has one clock, that of the packets.
    this.#lagUs = this.#switches.clock === 'exact' ? Math.max(0, readAt - packet.time) : 0;
    const host = this.#hosts.of(packet.host);
    this.#refresh(now);
    const port = portKey(packet);
    // A packet that was cut off before its ports takes a line of its source, like any other to a port of no door.
    if (port === null) return hasPorts(packet) ? this.#stray(host, packet, null, now) : NO_DECISIONS;
    const traps = this.#sight.trapsAt(port);
    if (traps?.some((lock) => sees(lock, packet)) === true) return this.#trap(host, packet, traps);
    const fits = this.#sight.fitsOf(port);
    if (fits === undefined) return this.#stray(host, packet, port, now);
    if (!isSeen(fits, packet)) return NO_DECISIONS;
    const client = numbersOf(packet.src);
    if (this.#switches.doubleLog === 'once' && this.#doubles.seen(packet, client, now)) return NO_DECISIONS;

    if (this.#switches.clock === 'whole-seconds') this.#expireAll(now, host);
    else if (this.#table.has(host, client)) this.#expireOf(host, client, now);
    const busy = this.#switches.doors === 'exclusive' && this.#table.has(host, client);
    this.#met.length = 0;
    for (let slot = this.#table.first(host, client); slot !== NO_SLOT; ) {
      const next = this.#table.next(slot, client);
      const track = this.#table.track(slot);
      this.#met.push(track);
      if (sees(track.lock, packet)) this.#advance(slot, track, stepsAt(fits, track), packet, now);
      slot = next;
    }
    if (busy) return this.#take();
    for (const { track, steps } of fits) {
      if ((steps & 1) === 0 || this.#met.includes(track) || !sees(track.lock, packet)) continue;
      if (this.#guard.sweeping(host, client, now, track.lock.seqTimeoutUs)) continue;
      this.#advance(this.#claim(host, client, packet.host, track), track, steps, packet, now);
    }
    return this.#take();
  }

  noted(host: string, client: AddressNumbers, port: number, time: Micros): boolean {
    if (this.#switches.clock === 'whole-seconds' && this.#switches.sweepGuard > 0) return false;
    this.#refresh(time);
    if (this.#sight.concerns(port)) return false;
    const number = this.#hosts.of(host);
    // Where it may end attempts, that is told in full.
    if (
      this.#table.hasSource(number, client) &&
      this.#guard.mayBeSweeping(number, client, time, this.#longestUs)
    )
      return false;
    if (this.#guard.stray(number, client, port, time)) this.#sweeps.push({ host, source: addressOf(client) });
    return true;
  }

  /** The sources that were found to sweep since this was last asked; each again while it goes on, once a minute. */
  takeSweeps(): readonly Sweep[] {
    if (this.#sweeps.length === 0) return NO_SWEEPS;
    const sweeps = this.#sweeps;
    this.#sweeps = [];
    return sweeps;
  }

  /** The next moment at which an attempt ends for want of a packet; null when there is none to wait for. */
  nextDeadline(): Micros | null {
    if (this.#switches.clock === 'whole-seconds') return null;
    return this.#deadlines.first()?.deadline ?? null;
  }

  /**
   * Ends what is due at `now`. Packets with an earlier time must have been handled before.
   *
   * @param host where time has passed; null for everywhere
   */
  handleTimeout(now: Micros, host: string | null = null): readonly Decision[] {
    if (this.#switches.clock === 'exact') this.#expireAll(now, host === null ? null : this.#hosts.of(host));
    return this.#take();
  }

  #time(packet: Packet): Micros {
    return this.#switches.clock === 'exact' ? packet.time : packet.second * US_PER_SECOND;
  }

  #take(): readonly Decision[] {
    if (this.#decisions.length === 0) return NO_DECISIONS;
    const decisions = this.#decisions;
    this.#decisions = [];
    return decisions;
  }

  /** Asks the doors for their sequences; attempts at sequences that are no longer live are void. */
  #refresh(now: Micros): void {
    const isFirst = this.#live.length === 0;
    if (isFirst) {
      this.#longestUs = this.#locks.reduce((most, { seqTimeoutUs }) => Math.max(most, seqTimeoutUs), 0);
      this.#changing = this.#locks.flatMap(({ isFixed }, number) => (isFixed === true ? [] : [number]));
    }
    let changed = isFirst;
    for (const number of isFirst ? this.#locks.keys() : this.#changing) {
      const live = this.#locks[number]?.sequences(now) ?? [];
      if (live === this.#live[number]) continue;
      this.#live[number] = live;
      changed = true;
    }
    if (!changed) return;
    this.#sight = compile(this.#locks, this.#live, this.#sight.tracks);
    const live = new Set(this.#sight.tracks);
    for (const slot of this.#table.slots()) {
      if (!live.has(this.#table.track(slot))) this.#release(slot);
    }
  }

  #advance(slot: number, track: Track, steps: number, packet: Packet, now: Micros): void {
    const before = this.#progress.stage(slot);
    this.#progress.take(slot, steps, this.#switches.repeats === 'ignored', now);
    const after = this.#progress.stage(slot);
    if (after < before) this.#tell(slot, packet.time, 'reset', before, 'wrong packet', packet.src);
    if (after > before) this.#tell(slot, packet.time, 'stage', after, null, packet.src);
    if (after === track.sequence.length) {
      this.#tell(slot, packet.time, 'open', after, null, packet.src);
      this.#release(slot);
      track.lock.used(track.sequence, now);
    } else {
      this.#settle(slot, track);
    }
  }

  #expireAll(now: Micros, host: number | null): void {
    for (;;) {
      const slot = this.#deadlines.due(now, host);
      if (slot === null) return;
      const end = this.#progress.start(slot) + this.#table.track(slot).lock.seqTimeoutUs;
      this.#lagUs = this.#deadlines.of(slot) - end;
      this.#expire(slot, Math.max(end, now - this.#lagUs));
    }
  }

  #expireOf(host: number, client: AddressNumbers, now: Micros): void {
    for (let slot = this.#table.first(host, client); slot !== NO_SLOT; ) {
      const next = this.#table.next(slot, client);
      while (this.#expire(slot, now));
      slot = next;
    }
  }

  /** Ends what has got furthest, if it is due; true when a shorter beginning is left, which may be due too. */
  #expire(slot: number, now: Micros): boolean {
    const track = this.#table.track(slot);
    const before = this.#progress.stage(slot);
    const end = this.#progress.start(slot) + track.lock.seqTimeoutUs;
    if (end > now) return false;
    this.#progress.expire(slot, end, track.lock.seqTimeoutUs);
    const time = this.#switches.clock === 'exact' ? end : now;
    this.#tell(slot, time, 'timeout', before);
    const after = this.#progress.stage(slot);
    if (after > 0) this.#tell(slot, time, 'stage', after);
    this.#settle(slot, track);
    return after > 0;
  }

  /** What is over by now is not for a sweep to end. */
  #expireOfSource(host: number, client: AddressNumbers, now: Micros): void {
    for (let slot = this.#table.firstOfSource(host, client); slot !== NO_SLOT; ) {
      const next = this.#table.nextOfSource(slot);
      while (this.#expire(slot, now));
      slot = next;
    }
  }

  /**
   * A port of no door, or a ping of a size that is no step: too many of them make the attempts of the source void, those of all
   * addresses of its network over IPv6.
   */
  #stray(
    host: number,
    { src, time, host: hostName }: Packet,
    port: number | null,
    now: Micros,
  ): readonly Decision[] {
    if (port !== null && this.#sight.trapsAt(port) !== undefined) return [];
    const client = numbersOf(src);
    if (this.#guard.stray(host, client, port, now)) this.#sweeps.push({ host: hostName, source: src });
    if (this.#switches.clock === 'exact') this.#expireOfSource(host, client, now);
    for (let slot = this.#table.firstOfSource(host, client); slot !== NO_SLOT; ) {
      const next = this.#table.nextOfSource(slot);
      const swept = this.#guard.sweeping(host, client, now, this.#table.track(slot).lock.seqTimeoutUs);
      if (swept) this.#discard(slot, time, 'port sweep');
      slot = next;
    }
    return this.#take();
  }

  #trap(host: number, packet: Packet, traps: readonly Lock[]): readonly Decision[] {
    const { src, time, host: hostName } = packet;
    const client = numbersOf(src);
    for (let slot = this.#table.first(host, client); slot !== NO_SLOT; ) {
      const next = this.#table.next(slot, client);
      this.#discard(slot, time, 'trap');
      slot = next;
    }
    for (const lock of traps) {
      if (!sees(lock, packet)) continue;
      this.#decisions.push({
        time,
        event: 'trap',
        door: lock.name,
        host: hostName,
        source: src,
        stage: 0,
        of: 0,
        why: null,
      });
    }
    return this.#take();
  }

  #discard(slot: number, time: Micros, why: 'port sweep' | 'trap'): void {
    this.#tell(slot, time, 'reset', this.#progress.stage(slot), why);
    this.#release(slot);
  }

  #tell(
    slot: number,
    time: Micros,
    event: Decision['event'],
    stage: number,
    why: Why = null,
    source = this.#table.source(slot),
  ): void {
    const { lock, sequence } = this.#table.track(slot);
    const host = this.#table.hostName(slot);
    this.#decisions.push({ time, event, door: lock.name, host, source, stage, of: sequence.length, why });
  }

  #claim(host: number, client: AddressNumbers, hostName: string, track: Track): number {
    const victim = this.#table.victim(host, client);
    if (victim !== NO_SLOT) {
      this.#release(victim);
      this.#evicted++;
    }
    const slot = this.#table.claim(host, client, hostName, track);
    this.#progress.clear(slot);
    return slot;
  }

  /** Files an attempt under what it has reached now. */
  #settle(slot: number, track: Track): void {
    const stage = this.#progress.stage(slot);
    if (stage === 0) {
      this.#release(slot);
      return;
    }
    this.#table.setStage(slot, stage);
    const deadline = this.#progress.start(slot) + track.lock.seqTimeoutUs + this.#lagUs;
    this.#deadlines.set(slot, this.#table.host(slot), deadline);
  }

  #release(slot: number): void {
    this.#deadlines.delete(slot);
    this.#table.release(slot);
  }
}

/** Whether any of these doors sees a packet. */
function isSeen(fits: readonly Fit[], packet: Packet): boolean {
  for (const { track } of fits) if (sees(track.lock, packet)) return true;
  return false;
}

/** The steps of a track that a packet fits; 0 where it fits none. */
function stepsAt(fits: readonly Fit[], track: Track): number {
  for (const fit of fits) if (fit.track === track) return fit.steps;
  return 0;
}

function hasPorts({ proto }: Packet): boolean {
  return proto === 'tcp' || proto === 'udp';
}
