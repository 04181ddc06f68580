/** Splits chunks of bytes into whole lines of bounded length. */

/** The longest line that is passed on, not counting its LF. */
export const LINE_CAP_BYTES = 64 * 1024;
const LF = 10;

/**
 * Splits bytes on LF, with work for each chunk and not for each line. An over-long line is left out whole, since a part
 * of it could be read as something that nobody wrote; only its LF is passed on, so that lines can still be counted.
 * Memory stays within the cap, time is linear.
 */
export class LineSplitter {
  readonly #capBytes: number;
  /** The beginning of a line whose end has not come yet. */
  readonly #held: Buffer;
  #heldBytes = 0;
  /** What is left out up to the next LF. */
  #skipping: 'nothing' | 'overlong line' | 'joined line' = 'nothing';
  #overlong = 0;

  constructor(capBytes = LINE_CAP_BYTES) {
    this.#capBytes = capBytes;
    this.#held = Buffer.allocUnsafe(capBytes);
  }

  /** How many lines were left out for their length. */
  get overlong(): number {
    return this.#overlong;
  }

  /** How many bytes of a last line wait for its end. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * All lines that are whole by now, each ending in LF, in batches: the line whose beginning was held is copied, the
   * others are a view of the chunk. They are to be read before the caller writes into the chunk again.
   */
  push(chunk: Buffer): Buffer[] {
    const fresh = this.#skipping === 'nothing' ? chunk : this.#skip(chunk);
    const end = fresh.lastIndexOf(LF) + 1;
    const first = this.#heldBytes === 0 || end === 0 ? 0 : fresh.indexOf(LF) + 1;
    const batches: Buffer[] = [];
    if (first > 0) batches.push(this.#withinCap(this.#withHeld(fresh.subarray(0, first))));
    if (end > first) batches.push(this.#withinCap(fresh.subarray(first, end)));
    this.#hold(fresh.subarray(end));
    return batches;
  }

  /** What is held of a last line, with the LF that it lacks, or null. The next push starts a new line. */
  flush(): Buffer | null {
    const last = this.#heldBytes === 0 ? null : this.#withHeld(Buffer.of(LF));
    this.#skipping = 'nothing';
    return last;
  }

  /** Forgets what is held and leaves out what comes up to the next LF, for an input that is joined in mid-line. */
  joinMidLine(): void {
    this.#heldBytes = 0;
    this.#skipping = 'joined line';
  }

  /** What is left of a chunk after the skipping; still nothing while no LF comes. */
  #skip(chunk: Buffer): Buffer {
    const lf = chunk.indexOf(LF);
    if (lf < 0) return chunk.subarray(chunk.length);
    const start = this.#skipping === 'overlong line' ? lf : lf + 1;
    this.#skipping = 'nothing';
    return chunk.subarray(start);
  }

  #withHeld(bytes: Buffer): Buffer {
    if (this.#heldBytes === 0) return bytes;
    const whole = Buffer.concat([this.#held.subarray(0, this.#heldBytes), bytes]);
    this.#heldBytes = 0;
    return whole;
  }

  #hold(rest: Buffer): void {
    if (this.#heldBytes + rest.length <= this.#capBytes) {
      this.#heldBytes += rest.copy(this.#held, this.#heldBytes);
    } else {
      this.#overlong++;
      this.#heldBytes = 0;
      this.#skipping = 'overlong line';
    }
  }

  /** Whole lines less the over-long ones. Looks for one LF in each stretch of a cap, not for each line. */
  #withinCap(whole: Buffer): Buffer {
    const kept: Buffer[] = [];
    let keptTo = 0;
    for (let at = 0; at < whole.length; ) {
      const lf = whole.subarray(at, at + this.#capBytes + 1).lastIndexOf(LF);
      if (lf >= 0) {
        at += lf + 1;
      } else {
        this.#overlong++;
        kept.push(whole.subarray(keptTo, at));
        at = whole.indexOf(LF, at);
        keptTo = at;
      }
    }
    return kept.length === 0 ? whole : Buffer.concat([...kept, whole.subarray(keptTo)]);
  }
}
