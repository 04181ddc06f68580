/** A header that was believed -> whether another place begins as it does, but for its digits. */

const [ZERO, NINE] = [0x30, 0x39];
const WORD_BYTES = 4;

/**
 * Four bytes at a time. Of a digit, the difference to `0` is at most 9: with 6 added to it, it still leaves the upper
 * half of the byte empty. Of any other byte the difference to itself is 0.
 */
export class Template {
  readonly length: number;
  readonly #words: Int32Array;
  readonly #sixes: Int32Array;
  readonly #masks: Int32Array;

  /**
   * @param header at least four bytes
   * @param isFixed whether the byte at this place is to be the same, digit or not
   */
  constructor(header: Buffer, isFixed: (index: number) => boolean) {
    this.length = header.length;
    const starts = startsOf(header.length);
    const pack = (of: (byte: number, isFree: boolean) => number): Int32Array =>
      Int32Array.from(starts, (start) => {
        const bytes = Array.from(header.subarray(start, start + WORD_BYTES), (byte, index) =>
          of(byte, !isFixed(start + index) && byte >= ZERO && byte <= NINE),
        );
        return Buffer.from(bytes).readInt32LE();
      });
    this.#words = pack((byte, isFree) => (isFree ? ZERO : byte));
    this.#sixes = pack((_, isFree) => (isFree ? 0x06 : 0));
    this.#masks = pack((_, isFree) => (isFree ? 0xf0 : 0xff));
  }

  /** Whether such a header begins at `start`. All of it is within the view. */
  fits(view: DataView, start: number): boolean {
    const last = this.#words.length - 1;
    for (let i = 0; i < last; i++) {
      if (this.#differs(i, view.getInt32(start + i * WORD_BYTES, true))) return false;
    }
    return !this.#differs(last, view.getInt32(start + this.length - WORD_BYTES, true));
  }

  #differs(index: number, bytes: number): boolean {
    const difference = bytes ^ (this.#words[index] as number);
    return (
      ((difference | (difference + (this.#sixes[index] as number))) & (this.#masks[index] as number)) !== 0
    );
  }
}

/** Where each word begins; the last one ends with the header, and may share bytes with the one before. */
function startsOf(length: number): number[] {
  const count = Math.ceil(length / WORD_BYTES);
  return Array.from({ length: count }, (_, index) => Math.min(index * WORD_BYTES, length - WORD_BYTES));
}
