/** Tracks how far a log was read, and where reading must resume after a restart. */

import { type LogPosition, type Micros, US_PER_MS, US_PER_SECOND } from '../model.ts';

/** Where to take up reading, and up to where all has been acted on. */
export interface Checkpoint {
  readonly from: LogPosition;
  readonly upTo: LogPosition;
}

/** Where the place in a log is kept, for whoever reads it next. */
export interface CheckpointStore {
  read(): Checkpoint | null;
  write(position: Checkpoint): void;
}

/** Between two times that a place is saved while nothing urgent happens. */
const SAVE_US = US_PER_SECOND;
/** Places closer together than this are one. */
const STRIDE_US = 250 * US_PER_MS;

/**
 * The places that were passed in the last so many microseconds. To rebuild the attempts that were in flight, reading
 * is taken up that far before the last of them.
 */
export class PositionHistory {
  #passed: { readonly at: Micros; readonly place: LogPosition }[] = [];
  #last: LogPosition | null = null;

  /** All up to this place has been read at this moment. */
  pass(place: LogPosition, at: Micros, windowUs: Micros): void {
    this.#last = place;
    this.#followClock(at);
    const newest = this.#passed.at(-1);
    if (newest === undefined || at - newest.at >= STRIDE_US) this.#passed.push({ at, place });
    // The oldest that stays is the last one before the window.
    const inside = this.#passed.findIndex((passed) => passed.at > at - windowUs);
    if (inside > 1) this.#passed.splice(0, inside - 1);
  }

  /** One that was set back has not made the last place one to come. */
  #followClock(at: Micros): void {
    const backUs = (this.#passed.at(-1)?.at ?? at) - at;
    if (backUs > 0) this.#passed = this.#passed.map((passed) => ({ ...passed, at: passed.at - backUs }));
  }

  /** Null before any place was passed. */
  get resume(): Checkpoint | null {
    const [oldest] = this.#passed;
    return oldest === undefined || this.#last === null ? null : { from: oldest.place, upTo: this.#last };
  }
}

/** Saves how far a log was read: each second, and at once when it was acted on. */
export class CheckpointSaver {
  #store: CheckpointStore | null;
  readonly #places = new PositionHistory();
  #saved: LogPosition | null = null;
  #savedAt = Number.NEGATIVE_INFINITY;

  /** @param store null where nothing is to be kept */
  constructor(store: CheckpointStore | null) {
    this.#store = store;
  }

  /** What the reader before us has left. */
  find(): Checkpoint | null {
    return this.#store?.read() ?? null;
  }

  /** The place is kept elsewhere from here on. */
  turn(store: CheckpointStore | null): void {
    this.#store = store;
    this.#saved = null;
  }

  /** Where we are ourselves; null before any place was passed. */
  get here(): Checkpoint | null {
    return this.#places.resume;
  }

  /** All up to this place has been read. */
  pass(place: LogPosition, at: Micros, windowUs: Micros): void {
    this.#places.pass(place, at, windowUs);
  }

  saveInTime(at: Micros): void {
    if (Math.abs(at - this.#savedAt) < SAVE_US) return;
    this.#savedAt = at;
    this.save();
  }

  save(): void {
    const { resume } = this.#places;
    if (resume !== null && resume.upTo !== this.#saved) this.#store?.write(resume);
    this.#saved = resume?.upTo ?? null;
  }
}
