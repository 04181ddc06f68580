/** Explains what the engine does with each packet, and why it ignores the others. */

import { compile, type DoorMatcher, portKey } from '../../attempt/door-matcher.ts';
import type { Engine } from '../../attempt/engine.ts';
import type { Switches } from '../../attempt/switches.ts';
import {
  type Address,
  type Decision,
  type Micros,
  type Packet,
  type PlacedBy,
  type Sequence,
  US_PER_SECOND,
} from '../../model.ts';
import { SWEEP_WINDOW_US } from '../../sweep-limits.ts';
import { Attempts } from './attempts.ts';
import type { ExplainedDoor } from './door.ts';
import { type Miss, missesOf, NEAR } from './miss.ts';
import { packetText, secondsText, stepText } from './words.ts';

/** One line of an explanation. */
export interface Remark {
  readonly time: Micros;
  readonly source: Address;
  /** The host that logged it, as its lines name it; empty where they name none. */
  readonly host: string;
  /** By which stamp the packet was placed; null where time has passed, or the log has ended. */
  readonly clock: PlacedBy | null;
  /** Null where it is about none. */
  readonly door: string | null;
  /** `8000/udp`; null where time has passed, or the log has ended. */
  readonly packet: string | null;
  /** A decision of the engine, or what it decided nothing of: near a knock, or not. `waits`: when the log ended. */
  readonly what: Decision['event'] | 'miss' | 'unseen' | 'waits';
  /** Steps taken, and steps in all; null where it is about no attempt. */
  readonly stage: number | null;
  readonly of: number | null;
  readonly text: string;
}

/** After these an attempt is no more. */
const ENDS: ReadonlySet<Decision['event']> = new Set(['reset', 'open']);

export class Explanation {
  readonly #engine: Engine;
  readonly #doors: readonly ExplainedDoor[];
  readonly #switches: Switches;
  readonly #attempts = new Attempts();
  #live: readonly (readonly Sequence[])[] = [];
  #sight: DoorMatcher = compile([], [], []);
  #previous: Packet | null = null;

  /** @param engine a new one, for the locks of the doors, that nobody else gives packets */
  constructor(engine: Engine, doors: readonly ExplainedDoor[], switches: Switches) {
    this.#engine = engine;
    this.#doors = doors;
    this.#switches = switches;
  }

  /** @param passedAt up to when time has passed at its host */
  packet(packet: Packet, passedAt = packet.time): readonly Remark[] {
    const passed = this.pass(passedAt, packet.host);
    // As it is now: what opens a one-time door changes it.
    const sight = this.#look(packet.time);
    const decisions = this.#engine.handlePacket(packet);
    const decided = decisions.flatMap((decision, index) =>
      this.#told(decision, decisions.slice(index + 1), packet),
    );
    const misses = missesOf(packet, portKey(packet), {
      doors: this.#doors,
      switches: this.#switches,
      attempts: this.#attempts,
      sight,
      isBusy: this.#attempts.isBusy(packet) || decisions.some(({ event }) => ENDS.has(event)),
      previous: this.#previous,
    });
    this.#previous = packet;
    return [...passed, ...decided, ...worthTelling(misses, decisions).map((miss) => remarkOn(miss, packet))];
  }

  /** Lets time pass up to `now` at a host, or everywhere. */
  pass(now: Micros, host: string | null = null): readonly Remark[] {
    return this.#engine.handleTimeout(now, host).flatMap((decision) => this.#told(decision, [], null));
  }

  /** What is still under way. */
  end(now: Micros): readonly Remark[] {
    const { tracks } = this.#look(now);
    const running = [...this.#attempts.running()].filter(({ attempt }) =>
      tracks.some(({ sequence }) => sequence === attempt.sequence),
    );
    return running.map(({ host, source, door, attempt: { stage, sequence } }) => {
      const text = `the log ends at step ${stage} of ${sequence.length}, ${nextText(sequence, stage)}`;
      return {
        time: now,
        host,
        source,
        clock: null,
        door,
        packet: null,
        what: 'waits',
        stage,
        of: sequence.length,
        text,
      };
    });
  }

  #look(now: Micros): DoorMatcher {
    const live = this.#doors.map(({ lock }) => lock.sequences(now));
    if (live.some((sequences, index) => sequences !== this.#live[index])) {
      this.#live = live;
      this.#sight = compile(
        this.#doors.map(({ lock }) => lock),
        live,
        [],
      );
    }
    return this.#sight;
  }

  /** @param later what was decided of the same packet after that */
  #told(decision: Decision, later: readonly Decision[], packet: Packet | null): Remark[] {
    const { time, host, source, door, event, stage, of } = decision;
    const sequence = this.#sequenceOf(decision);
    const text = this.#text(decision, sequence, packet);
    this.#attempts.note({ ...decision, time: this.#happenedAt(decision, packet) }, sequence);
    // The last step and the opening are one to a person.
    if (event === 'stage' && later.some((other) => other.event === 'open' && other.door === door)) return [];
    const isTimeless = event === 'trap';
    return [
      {
        time,
        host,
        source,
        clock: packet === null || event === 'timeout' ? null : packet.clock,
        door,
        packet: packet === null || event === 'timeout' ? null : packetText(packet),
        what: event,
        stage: isTimeless ? null : stage,
        of: isTimeless ? null : of,
        text,
      },
    ];
  }

  #text({ event, door, stage, of, why }: Decision, sequence: Sequence, packet: Packet | null): string {
    const windowUs = this.#lockOf(door)?.seqTimeoutUs ?? 0;
    const window = secondsText(windowUs);
    const sweepWindow = secondsText(Math.max(windowUs, SWEEP_WINDOW_US));
    const what = packet === null ? '' : `${packetText(packet)} is `;
    switch (event) {
      case 'stage':
        return packet === null
          ? `what came last still counts: step ${stage} of ${of}, ${nextText(sequence, stage)}`
          : `${what}step ${stage} of ${of}, ${nextText(sequence, stage)}`;
      case 'open':
        return `${what}step ${stage} of ${of}: opened`;
      case 'timeout':
        return `${stepOf(sequence, stage)} did not come within ${window} of the first knock: ended at step ${stage} of ${of}`;
      case 'trap':
        return `${what}a trap of the door: what it has opened for the source is taken away`;
      case 'reset':
        if (why === 'trap') return `${what}a trap of some door: discarded at step ${stage} of ${of}`;
        if (why === 'port sweep')
          return `${what}one too many, with more than ${this.#switches.sweepGuard} ports of no door within ${sweepWindow}, or too many packets to them (sweep_guard): discarded at step ${stage} of ${of}`;
        return `${what}a wrong packet, the door waited for ${stepOf(sequence, stage)}: discarded at step ${stage} of ${of}`;
    }
  }

  /** knockd's clock has whole seconds, and notices the end of a window when a packet comes: it was sooner. */
  #happenedAt({ host, source, door, event, time }: Decision, packet: Packet | null): Micros {
    if (packet === null || this.#switches.clock === 'exact') return time;
    if (event !== 'timeout') return packet.second * US_PER_SECOND;
    const { attempt } = this.#attempts.at({ host, src: source }, door);
    return (attempt?.begunAt ?? time) + (this.#lockOf(door)?.seqTimeoutUs ?? 0);
  }

  /** A door has one live sequence as a rule; of several, that of the attempt. */
  #sequenceOf({ host, source, door, of, time, event }: Decision): Sequence {
    const { attempt, expired } = this.#attempts.at({ host, src: source }, door);
    const known = (event === 'stage' ? expired : attempt)?.sequence ?? attempt?.sequence;
    if (known?.length === of) return known;
    return (
      this.#lockOf(door)
        ?.sequences(time)
        .find(({ length }) => length === of) ?? []
    );
  }

  #lockOf(door: string) {
    return this.#doors.find(({ lock }) => lock.name === door)?.lock;
  }
}

/** What is told beside a decision has nearly been one; of the rest the nearest alone, where nothing else is to be said. */
function worthTelling(misses: readonly Miss[], decisions: readonly Decision[]): readonly Miss[] {
  const made = decisions.filter(({ event }) => event !== 'timeout');
  if (made.some(({ event }) => event === 'open')) return [];
  const others = misses.filter(({ door }) => !made.some((decision) => decision.door === door));
  const nearly = others.filter(({ near }) => near === NEAR.running || near === NEAR.late);
  return nearly.length > 0 || made.length > 0 ? nearly : others.slice(0, 1);
}

function remarkOn({ door, near, text }: Miss, packet: Packet): Remark {
  const { time, host, clock, src: source } = packet;
  const what = near === NEAR.none ? 'unseen' : 'miss';
  return { time, host, source, clock, door, packet: packetText(packet), what, stage: null, of: null, text };
}

function nextText(sequence: Sequence, stage: number): string {
  return stage < sequence.length ? `${stepOf(sequence, stage)} comes next` : 'which is the last';
}

function stepOf(sequence: Sequence, stage: number): string {
  const step = sequence[stage];
  return step === undefined ? 'the next step' : stepText(step);
}
