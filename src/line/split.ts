/** Chunks of bytes -> batches of whole lines, none longer than a cap. */

/** The kernel's longest record is below 8 KiB; what is longer is not a log line. */
export const LINE_CAP_BYTES = 64 * 1024;
const LF = 0x0a;
const EMPTY_LINE = Buffer.from('\n');

/**
 * Joins and cuts without looking at single lines. Of a line above the cap nothing is handed on, as a part of it
 * could be misread: an empty line stands in its place, so that lines can still be counted. Memory stays below
 * the cap and one chunk, and time is linear, whatever comes.
 */
export class LineSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Whether all up to the next LF is passed over, and why. */
  #skipping: 'no' | 'overlong' | 'joined' = 'no';
  #overlong = 0;

  /** How many lines were above the cap. */
  get overlong(): number {
    return this.#overlong;
  }

  /** Takes a chunk in; gives all lines that are whole now, each with its LF, or null when none is. */
  push(chunk: Buffer): Buffer | null {
    const lastEnd = chunk.lastIndexOf(LF) + 1;
    if (lastEnd === 0) {
      this.#keep(chunk);
      return null;
    }
    const isBetween = this.#restBytes === 0 && this.#skipping === 'no';
    const firstEnd = isBetween ? 0 : chunk.indexOf(LF) + 1;
    const first = isBetween ? [] : [this.#complete(chunk.subarray(0, firstEnd))];
    const pieces = [...first, ...this.#withoutOverlong(chunk.subarray(firstEnd, lastEnd))];
    this.#keep(chunk.subarray(lastEnd));
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }

  /** What stands behind the last LF, as a line of its own; null when nothing does. */
  flush(): Buffer | null {
    if (this.#restBytes === 0 && this.#skipping === 'no') return null;
    return this.#complete(EMPTY_LINE);
  }

  /** Forgets what stands behind the last LF. `inLine`: what comes begins inside a line, which is passed over. */
  reset(inLine = false): void {
    this.#rest = [];
    this.#restBytes = 0;
    this.#skipping = inLine ? 'joined' : 'no';
  }

  #complete(end: Buffer): Buffer {
    const isOverlong = this.#skipping === 'overlong' || this.#restBytes + end.length - 1 > LINE_CAP_BYTES;
    const isPassedOver = isOverlong || this.#skipping === 'joined';
    const line = isPassedOver ? EMPTY_LINE : Buffer.concat([...this.#rest, end]);
    if (isOverlong) this.#overlong++;
    this.reset();
    return line;
  }

  #keep(part: Buffer): void {
    if (this.#skipping !== 'no' || part.length === 0) return;
    if (this.#restBytes + part.length > LINE_CAP_BYTES) {
      this.reset();
      this.#skipping = 'overlong';
      return;
    }
    // A copy: the chunk's own memory is read into again.
    this.#rest.push(Buffer.from(part));
    this.#restBytes += part.length;
  }

  /** Whole lines, in pieces from which those above the cap are gone. Looks once every 64 KiB. */
  #withoutOverlong(lines: Buffer): Buffer[] {
    if (lines.length === 0) return [];
    const pieces: Buffer[] = [];
    let from = 0;
    for (let at = 0; lines.length - at > LINE_CAP_BYTES + 1; ) {
      const end = lines.lastIndexOf(LF, at + LINE_CAP_BYTES) + 1;
      if (end > at) {
        at = end;
        continue;
      }
      pieces.push(lines.subarray(from, at), EMPTY_LINE);
      this.#overlong++;
      at = lines.indexOf(LF, at) + 1;
      from = at;
    }
    return [...pieces, lines.subarray(from)];
  }
}
