/** Packets of one attempt -> the beginnings of its sequence that they end with (the shift-and automaton). */

import type { Packet } from '../model.ts';
import { MAX_STEPS } from './table.ts';
import { at } from './typed.ts';

type Plane = Int32Array | Float64Array;
type PlaneMaker<T extends Plane> = new (length: number) => T;

/**
 * What the attempt in a slot has reached. Bit i of `reached` is set when the last i+1 packets that the door
 * saw are the first i+1 steps of its sequence; each such beginning has its own start. A packet costs the
 * same however long the history (Baeza-Yates and Gonnet, "A new approach to text searching", CACM 1992).
 *
 * Arrays stand by step first and slot second and are made when a step is first reached: a flood of first
 * knocks touches the first one alone.
 */
export class Progress {
  readonly #capacity: number;
  readonly #reached: Int32Array;
  readonly #starts: Float64Array[] = [];
  readonly #sourcePorts: Int32Array[] = [];
  readonly #sequenceNumbers: Float64Array[] = [];
  readonly #ports: Int32Array[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#reached = new Int32Array(capacity);
  }

  clear(slot: number): void {
    this.#reached[slot] = 0;
  }

  reached(slot: number): number {
    return at(this.#reached, slot);
  }

  /** Steps taken by the beginning that has got furthest. */
  stage(slot: number): number {
    return stageOf(at(this.#reached, slot));
  }

  /** When the beginning that has got furthest began. */
  start(slot: number): number {
    return this.#startOf(this.stage(slot) - 1, slot);
  }

  /** What a packet would lead to. `steps`: where it fits; `fresh`: whether it may begin the sequence anew. */
  next(slot: number, steps: number, fresh: boolean): number {
    return ((at(this.#reached, slot) << 1) | (fresh ? 1 : 0)) & steps;
  }

  /**
   * Takes a packet in: `next` as of `next()`; `keep` leaves standing what was reached before, too. Where a
   * beginning is reached both ways the later start counts, as it can do all that the earlier could.
   */
  take(slot: number, next: number, keep: boolean, packet: Packet, port: number, now: number): void {
    const before = at(this.#reached, slot);
    const top = stageOf(next) - 1;
    for (let step = top; step >= 0; step--) {
      if ((next & (1 << step)) !== 0)
        this.#setStart(step, slot, step === 0 ? now : this.#startOf(step - 1, slot));
    }
    this.#reached[slot] = keep ? before | next : next;
    if (keep || top < 0) return;
    this.#realign(slot, stageOf(before) - top, top);
    this.#plane(this.#ports, top, Int32Array)[slot] = port;
    this.#plane(this.#sourcePorts, top, Int32Array)[slot] = packet.spt ?? -1;
    this.#plane(this.#sequenceNumbers, top, Float64Array)[slot] = packet.seq ?? -1;
  }

  /** Whether the packet repeats a knock that the furthest beginning has accepted. */
  repeats(slot: number, packet: Packet, port: number): boolean {
    // Only what has a source port tells one packet from another.
    if (packet.spt === null) return false;
    for (let step = this.stage(slot) - 1; step >= 0; step--) {
      if (
        at(this.#plane(this.#ports, step, Int32Array), slot) === port &&
        at(this.#plane(this.#sourcePorts, step, Int32Array), slot) === packet.spt &&
        at(this.#plane(this.#sequenceNumbers, step, Float64Array), slot) === (packet.seq ?? -1)
      ) {
        return true;
      }
    }
    return false;
  }

  /** Drops the beginnings that began `window` or longer before `now`. */
  expire(slot: number, now: number, window: number): void {
    const before = at(this.#reached, slot);
    let left = before;
    for (let step = stageOf(before) - 1; step >= 0; step--) {
      if ((before & (1 << step)) !== 0 && now - this.#startOf(step, slot) >= window) left &= ~(1 << step);
    }
    this.#reached[slot] = left;
    this.#realign(slot, stageOf(before) - stageOf(left), stageOf(left));
  }

  /** Keeps the identities of the accepted knocks at the steps that they are to the furthest beginning. */
  #realign(slot: number, shift: number, count: number): void {
    if (shift <= 0) return;
    for (let step = 0; step < count; step++) {
      this.#move(this.#ports, step + shift, step, slot, Int32Array);
      this.#move(this.#sourcePorts, step + shift, step, slot, Int32Array);
      this.#move(this.#sequenceNumbers, step + shift, step, slot, Float64Array);
    }
  }

  #move<T extends Plane>(planes: T[], from: number, to: number, slot: number, make: PlaneMaker<T>): void {
    this.#plane(planes, to, make)[slot] = at(this.#plane(planes, from, make), slot);
  }

  #startOf(step: number, slot: number): number {
    return at(this.#plane(this.#starts, step, Float64Array), slot);
  }

  #setStart(step: number, slot: number, start: number): void {
    this.#plane(this.#starts, step, Float64Array)[slot] = start;
  }

  #plane<T extends Plane>(planes: T[], step: number, make: PlaneMaker<T>): T {
    let plane = planes[step];
    if (plane === undefined) {
      plane = new make(this.#capacity);
      planes[step] = plane;
    }
    return plane;
  }
}

/** Steps taken by the furthest of the beginnings in `reached`; 0 when there is none. */
export function stageOf(reached: number): number {
  return MAX_STEPS - Math.clz32(reached);
}
