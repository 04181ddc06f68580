/** Reads numbers and words from bytes, for the parsers of headers and bodies. */

export const BLANK = 0x20;
export const LF = 0x0a;
export const TAB = 0x09;
const [NUL, CR] = [0x00, 0x0d];
/** What rsyslog writes in place of NUL, LF and CR, and busybox in place of CR, where a message ends in one. */
const ESCAPED_ENDS = ['#000', '#012', '#015', '^M'];
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

/** The end of a field that begins at a place: the next blank or tab, or `end`. */
export function fieldEnd(bytes: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && bytes[place] !== BLANK && bytes[place] !== TAB) place++;
  return place;
}

/** Whether a field ends here: at a blank or a tab, or at `end`. */
export function isFieldEnd(bytes: Buffer, at: number, end: number): boolean {
  return at >= end || bytes[at] === BLANK || bytes[at] === TAB;
}

/**
 * The end of the text of a line: serial consoles, ssh -t, containers with a terminal and editors of Windows end lines in
 * CR LF, and some loggers write a NUL or what stands for one ahead of the LF.
 */
export function textEnd(bytes: Buffer, start: number, end: number): number {
  let place = end;
  while (place > start && bytes[place - 1] !== BLANK) {
    const last = bytes[place - 1];
    const length = last === CR || last === NUL || last === LF ? 1 : escapedEnd(bytes, start, place);
    if (length === 0) break;
    place -= length;
  }
  return place;
}

function escapedEnd(bytes: Buffer, start: number, end: number): number {
  const written = ESCAPED_ENDS.find((each) => standsAt(bytes, each, end - each.length, end));
  return written === undefined || end - written.length < start ? 0 : written.length;
}

/** Where the text of a line begins: some serial consoles write LF CR, and a crash leaves NULs in a file. */
export function textStart(bytes: Buffer, start: number, end: number): number {
  let place = start;
  while (place < end && (bytes[place] === CR || bytes[place] === NUL)) place++;
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
