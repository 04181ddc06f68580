/** Bytes at a place -> numbers and words: the few questions that the readers of headers and bodies ask. */

export const BLANK = 0x20;
export const LF = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Whether a word stands at a place, wholly before `end`. */
export function standsAt(bytes: Buffer, word: string, at: number, end: number): boolean {
  if (at < 0 || at + word.length > end) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** The end of the word that begins at a place: the next blank, or `end`. */
export function wordEnd(bytes: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && bytes[place] !== BLANK) place++;
  return place;
}

export function skipBlanks(bytes: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && bytes[place] === BLANK) place++;
  return place;
}

/** The end of the digits that begin at a place. */
export function digitsEnd(bytes: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && isDigit(bytes[place])) place++;
  return place;
}

/** What the digits from `at` to `end` say; -1 unless they are digits, at least one, and a safe integer. */
export function decimal(bytes: Buffer, at: number, end: number): number {
  if (at >= end) return -1;
  let number = 0;
  for (let place = at; place < end; place++) {
    const byte = bytes[place];
    if (byte === undefined || byte < ZERO || byte > NINE) return -1;
    number = number * 10 + (byte - ZERO);
  }
  return Number.isSafeInteger(number) ? number : -1;
}
