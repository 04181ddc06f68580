/** What has been read of a log -> the places at which reading can be taken up again. */

import { type Micros, type Place, US_PER_MS, US_PER_SECOND } from '../model.ts';

/** Where to take up reading, and up to where all has been acted on. */
export interface Resume {
  readonly from: Place;
  readonly upTo: Place;
}

/** Where the place in a log is kept, for whoever reads it next. */
export interface Shelf {
  read(): Resume | null;
  write(position: Resume): void;
}

/** Between two times that a place is saved while nothing urgent happens. */
const SAVE_US = US_PER_SECOND;
/** Places closer together than this are one. */
const STRIDE_US = 250 * US_PER_MS;

/**
 * The places that were passed in the last so many microseconds. To rebuild the attempts that were in flight, reading
 * is taken up that far before the last of them.
 */
export class Places {
  #passed: { readonly at: Micros; readonly place: Place }[] = [];
  #last: Place | null = null;

  /** All up to this place has been read at this moment. */
  pass(place: Place, at: Micros, windowUs: Micros): void {
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
  get resume(): Resume | null {
    const [oldest] = this.#passed;
    return oldest === undefined || this.#last === null ? null : { from: oldest.place, upTo: this.#last };
  }
}

/** Saves how far a log was read: each second, and at once when it was acted on. */
export class Bookmark {
  #shelf: Shelf | null;
  readonly #places = new Places();
  #saved: Place | null = null;
  #savedAt = Number.NEGATIVE_INFINITY;

  /** @param shelf null where nothing is to be kept */
  constructor(shelf: Shelf | null) {
    this.#shelf = shelf;
  }

  /** What the reader before us has left. */
  find(): Resume | null {
    return this.#shelf?.read() ?? null;
  }

  /** The place is kept elsewhere from here on. */
  turn(shelf: Shelf | null): void {
    this.#shelf = shelf;
    this.#saved = null;
  }

  /** Where we are ourselves; null before any place was passed. */
  get here(): Resume | null {
    return this.#places.resume;
  }

  /** All up to this place has been read. */
  pass(place: Place, at: Micros, windowUs: Micros): void {
    this.#places.pass(place, at, windowUs);
  }

  saveInTime(at: Micros): void {
    if (Math.abs(at - this.#savedAt) < SAVE_US) return;
    this.#savedAt = at;
    this.save();
  }

  save(): void {
    const { resume } = this.#places;
    if (resume !== null && resume.upTo !== this.#saved) this.#shelf?.write(resume);
    this.#saved = resume?.upTo ?? null;
  }
}
