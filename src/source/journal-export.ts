/** Reads journalctl's export format, entry by entry, and writes each as the line that a log file would have of it. */

import { type LogPosition, US_PER_MS, US_PER_SECOND } from '../model.ts';

export type JournalPlace = Extract<LogPosition, { readonly kind: 'journal' }>;

/** Entries that follow each other, as lines. */
export interface JournalLines {
  /** Whole lines, each ending in LF; valid until the next push. */
  readonly bytes: Buffer;
  /** Where the last of them stands. */
  readonly place: JournalPlace;
  /** Whether they stand at or before the place up to which all was read before. */
  readonly again: boolean;
}

const [LF, BLANK, EQUALS, QUESTION_MARK, ZERO, NINE] = [0x0a, 0x20, 0x3d, 0x3f, 0x30, 0x39];
const [FIRST_PRINTABLE, LAST_PRINTABLE] = [0x21, 0x7e];
/** A field with control characters: its name, LF, its size as 64 bits, its bytes, LF (systemd, JOURNAL_EXPORT_FORMATS). */
const SIZE_BYTES = 8;
/** printk cuts a message at a kilobyte; anything longer than this is no message of the firewall. */
const ENTRY_CAP_BYTES = 64 * 1024;
/** journalctl ends an entry with an empty line, and begins each with its cursor. */
const NEXT_ENTRY = Buffer.from('\n\n__CURSOR=');
const FIRST_LINES_BYTES = 64 * 1024;
/** What a line has beside its host and its message. */
const HEAD_BYTES = 100;
const UPTIME_DIGITS = 12;
const MICRO_DIGITS = 6;
/** More digits than any time in microseconds has. */
const TIME_DIGITS = 16;

/** What of an entry is needed. journalctl prints the first four unasked. */
const FIELDS = [
  '__CURSOR',
  '_BOOT_ID',
  '__REALTIME_TIMESTAMP',
  '__MONOTONIC_TIMESTAMP',
  'MESSAGE',
  '_TRANSPORT',
  'SYSLOG_FACILITY',
  '_SOURCE_MONOTONIC_TIMESTAMP',
  '_HOSTNAME',
];
const [CURSOR, BOOT, REALTIME, MONOTONIC, MESSAGE, TRANSPORT, FACILITY, SOURCE, HOST] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
];
const NAMES = FIELDS.map((name) => Buffer.from(name));
/** For journalctl's --output-fields. */
export const EXPORT_FIELDS = FIELDS.slice(MESSAGE).join(',');
const [ABSENT, TWICE] = [-1, -2];
const [KERNEL, FACILITY_KERNEL] = [Buffer.from('kernel'), Buffer.from('0')];

export class JournalExport {
  /** What has come of an entry that is not whole yet. */
  #held: Buffer = Buffer.alloc(0);
  /** Whether what comes is left out until an entry begins. */
  #isSkipping = false;
  #lines = Buffer.allocUnsafe(FIRST_LINES_BYTES);
  #end = 0;
  /** Where the value of each field begins and ends. */
  readonly #starts = new Int32Array(FIELDS.length);
  readonly #ends = new Int32Array(FIELDS.length);
  /** The second that was written last, since many entries share it. */
  #second = { number: Number.NaN, text: '' };

  /**
   * Takes what journalctl has said next. A line has the tag `kernel:` when its entry is the kernel's: journald vouches for
   * `_TRANSPORT`, and facility 0 shuts out what root writes to /dev/kmsg.
   *
   * @param upTo the entry up to which all was read before; null where nothing was
   */
  push(chunk: Buffer, upTo: JournalPlace | null): readonly JournalLines[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#end = 0;
    const parts: { start: number; end: number; again: boolean }[] = [];
    let at = this.#isSkipping ? this.#skip(bytes) : 0;
    for (let end = this.#read(bytes, at); end >= 0; end = this.#read(bytes, at)) {
      const start = at;
      at = end;
      if (!this.#write(bytes)) continue;
      const again = upTo !== null && this.#isBefore(bytes, upTo);
      const last = parts.at(-1);
      if (last?.again === again) Object.assign(last, { start, end: this.#end });
      else parts.push({ start, end: this.#end, again });
    }
    this.#hold(bytes, at);
    return parts.map(({ start, end, again }, index) => {
      // Found once more, so that no place is made of the entries ahead of it.
      this.#read(bytes, start);
      const place = this.#place(bytes);
      return { bytes: this.#lines.subarray(parts[index - 1]?.end ?? 0, end), place, again };
    });
  }

  /** Of another boot nothing was read: the journal shows the present one alone. */
  #isBefore(bytes: Buffer, { boot, monotonicUs }: JournalPlace): boolean {
    const place = this.#place(bytes);
    return place.boot === boot && place.monotonicUs <= monotonicUs;
  }

  #hold(bytes: Buffer, at: number): void {
    if (bytes.length - at <= ENTRY_CAP_BYTES) this.#held = Buffer.from(bytes.subarray(at));
    else {
      this.#isSkipping = true;
      this.#held = Buffer.from(bytes.subarray(Math.max(at, bytes.length - NEXT_ENTRY.length)));
    }
  }

  /** Where the next entry begins; the end of the bytes, less what may be its beginning, where none does. */
  #skip(bytes: Buffer): number {
    const found = bytes.indexOf(NEXT_ENTRY);
    if (found < 0) return Math.max(0, bytes.length - NEXT_ENTRY.length);
    this.#isSkipping = false;
    return found + 2;
  }

  /** Finds the fields of the entry that begins at a place. Returns where the entry ends; -1 when it is not whole yet. */
  #read(bytes: Buffer, start: number): number {
    if (this.#isSkipping) return ABSENT;
    this.#starts.fill(ABSENT);
    for (let at = start; ; ) {
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd < 0) return ABSENT;
      if (lineEnd === at) return at + 1;
      let nameEnd = at;
      while (nameEnd < lineEnd && bytes[nameEnd] !== EQUALS) nameEnd++;
      if (nameEnd < lineEnd) {
        this.#take(bytes, at, nameEnd, nameEnd + 1, lineEnd);
        at = lineEnd + 1;
      } else {
        const valueAt = lineEnd + 1 + SIZE_BYTES;
        if (valueAt > bytes.length) return ABSENT;
        const end = valueAt + Number(bytes.readBigUInt64LE(lineEnd + 1));
        if (end >= bytes.length) return ABSENT;
        this.#take(bytes, at, nameEnd, valueAt, end);
        at = end + 1;
      }
    }
  }

  #take(bytes: Buffer, nameAt: number, nameEnd: number, start: number, end: number): void {
    const index = NAMES.findIndex((name) => equals(bytes, nameAt, nameEnd, name));
    if (index < 0) return;
    // A field that an entry has more than once says nothing for certain.
    this.#starts[index] = this.#starts[index] === ABSENT ? start : TWICE;
    this.#ends[index] = end;
  }

  /** Writes the entry whose fields were found. False for one that lacks what each entry has, or has no message. */
  #write(bytes: Buffer): boolean {
    const realtime = this.#time(bytes, REALTIME);
    const isWhole = realtime !== null && this.#time(bytes, MONOTONIC) !== null;
    if (!isWhole || !this.#has(CURSOR) || !this.#has(BOOT) || !this.#has(MESSAGE)) return false;
    const source = this.#time(bytes, SOURCE);
    const isKernels = this.#is(bytes, TRANSPORT, KERNEL) && this.#is(bytes, FACILITY, FACILITY_KERNEL);
    this.#makeRoom(HEAD_BYTES + this.#length(HOST) + this.#length(MESSAGE));
    this.#text(this.#stamp(realtime));
    if (this.#length(HOST) > 0) {
      this.#text(' ');
      this.#word(bytes, HOST);
    }
    // Another tag than the kernel's has it counted as what it is.
    this.#text(isKernels ? ' kernel: ' : ' journal: ');
    if (source !== null)
      this.#text(`[${(source / US_PER_SECOND).toFixed(MICRO_DIGITS).padStart(UPTIME_DIGITS)}] `);
    this.#message(bytes);
    this.#lines[this.#end++] = LF;
    return true;
  }

  #makeRoom(size: number): void {
    if (this.#end + size <= this.#lines.length) return;
    const lines = Buffer.allocUnsafe(2 * (this.#lines.length + size));
    this.#lines.copy(lines, 0, 0, this.#end);
    this.#lines = lines;
  }

  #text(text: string): void {
    this.#end += this.#lines.write(text, this.#end, 'latin1');
  }

  /** One printable word, as in a log file. */
  #word(bytes: Buffer, field: number): void {
    for (let at = this.#start(field); at < this.#finish(field); at++) {
      const byte = bytes[at] ?? 0;
      this.#lines[this.#end++] = byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE ? byte : QUESTION_MARK;
    }
  }

  /** One line, whatever it holds. */
  #message(bytes: Buffer): void {
    const start = this.#end;
    this.#end += bytes.copy(this.#lines, start, this.#start(MESSAGE), this.#finish(MESSAGE));
    const message = this.#lines.subarray(start, this.#end);
    for (let at = message.indexOf(LF); at >= 0; at = message.indexOf(LF, at)) message[at] = BLANK;
  }

  /** RFC 3339 with microseconds. */
  #stamp(us: number): string {
    const second = Math.floor(us / US_PER_SECOND);
    if (second !== this.#second.number) {
      const iso = new Date(second * (US_PER_SECOND / US_PER_MS)).toISOString();
      this.#second = { number: second, text: iso.slice(0, iso.indexOf('.')) };
    }
    return `${this.#second.text}.${String(us % US_PER_SECOND).padStart(MICRO_DIGITS, '0')}+00:00`;
  }

  #place(bytes: Buffer): JournalPlace {
    const text = (field: number): string => bytes.toString('latin1', this.#start(field), this.#finish(field));
    const monotonicUs = this.#time(bytes, MONOTONIC) ?? 0;
    return { kind: 'journal', cursor: text(CURSOR), boot: text(BOOT), monotonicUs };
  }

  #has(field: number): boolean {
    return this.#start(field) >= 0;
  }

  #is(bytes: Buffer, field: number, value: Buffer): boolean {
    return this.#has(field) && equals(bytes, this.#start(field), this.#finish(field), value);
  }

  /** Microseconds; null where the entry has no such field, or not in digits. */
  #time(bytes: Buffer, field: number): number | null {
    const [start, end] = [this.#start(field), this.#finish(field)];
    if (start < 0 || start === end || end - start > TIME_DIGITS) return null;
    let number = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < ZERO || byte > NINE) return null;
      number = number * 10 + (byte - ZERO);
    }
    return number;
  }

  #length(field: number): number {
    return this.#has(field) ? this.#finish(field) - this.#start(field) : 0;
  }

  #start(field: number): number {
    return this.#starts[field] ?? ABSENT;
  }

  #finish(field: number): number {
    return this.#ends[field] ?? ABSENT;
  }
}

function equals(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false;
  return true;
}
