/** Reads lines like those that were read with care before: by position, as numbers, with no string or object for a line. */

import { addressOf } from '../lib/address.ts';
import { type Address, type AddressNumbers, TCP_FLAGS, US_PER_SECOND } from '../model.ts';
import { BLANK, LF } from './bytes.ts';
import { HeaderTemplate, type LearnedLine } from './header-template.ts';

const NONE = -1;
const [ZERO, DOT, COLON, EQUALS, LETTER_P] = [0x30, 0x2e, 0x3a, 0x3d, 0x50];
const MAX_PORT = 65_535;
/** The kernel prints no number here that has more than 32 bits. */
const MOST_DIGITS = 10;
/** The kernel writes an IPv6 address in full: eight groups of four digits (`%pI6` in lib/vsprintf.c). */
const [IPV6_BYTES, GROUP_BYTES] = [39, 5];
/** Stamps of lines that follow each other differ by less; more is a pause or a reboot, and read with care. */
const STRIDE_US = 60 * US_PER_SECOND;
/** Beginnings of lines that are known at once: the hosts of a syslog server come mixed. */
const TEMPLATES = 64;

/** Words of a line, four bytes each, as they are compared. */
const DST_ = wordOf('DST=');
const LEN_ = wordOf('LEN=');
const TOS_ = wordOf('TOS=');
const PREC = wordOf('PREC');
const TTL_ = wordOf('TTL=');
const [HOPL, IMIT] = [wordOf('HOPL'), wordOf('IMIT')];
const [FLOW, LBL_] = [wordOf('FLOW'), wordOf('LBL=')];
const [PROT, O_TCP, O_UDP] = [wordOf('PROT'), wordOf('O=TC'), wordOf('O=UD')];
const SPT_ = wordOf('SPT=');
const DPT_ = wordOf('DPT=');
const [SEQ_, ACK_] = [wordOf('SEQ='), wordOf('ACK=')];
const WIND = wordOf('WIND');
const RES_ = wordOf('RES=');
const URGP = wordOf('URGP');
const MARK = wordOf('MARK');
/** The first three bytes of a word. */
const THREE_BYTES = 0xffffff;
const [ID_, TC_, OW_] = [wordOf('ID='), wordOf('TC='), wordOf('OW=')];
/** Any of these may stand ahead of the protocol. */
const [CE, DF, MF] = [wordOf('CE '), wordOf('DF '), wordOf('MF ')];
/** The most frequent ones first. */
const FLAGS = (['SYN', 'ACK', 'RST', 'FIN', 'PSH', 'URG', 'ECE', 'CWR'] as const).map((name) => ({
  word: wordOf(`${name} `),
  bit: TCP_FLAGS[name],
}));

/** What a hexadecimal digit is, as the kernel writes it; negative for any other byte. */
const HEX = Int32Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte)),
);

/** An address that is another with each line. */
class LineAddress implements AddressNumbers {
  isIpv6 = false;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  #text: { readonly of: AddressNumbers; readonly text: Address } | null = null;

  /** In canonical text, which is made anew where it is not the one of last time. */
  get text(): Address {
    const { isIpv6, a, b, c, d } = this;
    const last = this.#text?.of;
    if (
      this.#text === null ||
      last?.a !== a ||
      last.isIpv6 !== isIpv6 ||
      last.b !== b ||
      last.c !== c ||
      last.d !== d
    )
      this.#text = { of: { isIpv6, a, b, c, d }, text: addressOf(this) };
    return this.#text.text;
  }
}

/**
 * Once a line was read with care and believed, lines that begin like it, but for digits, and that are whole lines of a TCP or
 * UDP packet as net/netfilter/nf_log_syslog.c prints them, are read here. All others are left to the careful reader
 * (`netfilter.ts`), which reads each of these lines as the same packet.
 *
 * The fields are those of the line that was read last.
 */
export class FastPath {
  readonly src = new LineAddress();
  readonly dst = new LineAddress();
  isUdp = false;
  spt = 0;
  dpt = 0;
  /** Of a TCP packet. */
  flags = 0;
  len = 0;
  /** -1 where the line has none. */
  id = NONE;
  seq = NONE;
  uptimeUs = 0;
  /** Where the line ends: the place of its LF. */
  end = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer);
  /** The place that is read next. */
  #at = 0;
  /** Those that fit most often come first. */
  readonly #templates: HeaderTemplate[] = [];

  /** The lines that are read from here on. */
  turn(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Lets lines be read that begin as this one does. */
  learn(line: LearnedLine): void {
    const known = this.#fitting(line.start);
    if (known !== null) {
      known.uptimeUs = line.uptimeUs;
      known.readStamps(this.#bytes, line.start, line.header);
      return;
    }
    const template = HeaderTemplate.from(this.#bytes, line);
    if (template === null) return;
    this.#templates.unshift(template);
    if (this.#templates.length > TEMPLATES) this.#templates.pop();
  }

  /** Reads the line that begins at `start`. Returns how it begins; null where it has to be read with care. */
  read(start: number): HeaderTemplate | null {
    const template = this.#fitting(start);
    if (template === null) return null;
    const uptimeUs = template.uptimeOf(this.#bytes, start);
    if (Math.abs(uptimeUs - template.uptimeUs) > STRIDE_US) return null;
    this.#at = start + template.length;
    if (!this.#readNetwork() || !this.#readTransport()) return null;
    template.uptimeUs = uptimeUs;
    this.uptimeUs = uptimeUs;
    return template;
  }

  #fitting(start: number): HeaderTemplate | null {
    const [templates, bytes, view] = [this.#templates, this.#bytes, this.#view];
    for (let i = 0; i < templates.length; i++) {
      const template = templates[i] as HeaderTemplate;
      if (!template.fits(bytes, view, start)) continue;
      if (i > 0) {
        templates[i] = templates[i - 1] as HeaderTemplate;
        templates[i - 1] = template;
      }
      return template;
    }
    return null;
  }

  /** `192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=54 ID=4711 DF `, or the same of IPv6. */
  #readNetwork(): boolean {
    const { src, dst } = this;
    if (!this.#readAddress(src) || !this.#takes(DST_) || !this.#readAddress(dst)) return false;
    if (src.isIpv6 !== dst.isIpv6 || !this.#takes(LEN_)) return false;
    this.len = this.#number();
    if (this.len < 0) return false;
    return src.isIpv6 ? this.#readIpv6Header() : this.#readIpv4Header();
  }

  #readIpv4Header(): boolean {
    if (!this.#takes(TOS_) || !this.#skipsWord()) return false;
    if (!this.#takes(PREC) || !this.#takesByte(EQUALS) || !this.#skipsWord()) return false;
    if (!this.#takes(TTL_) || !this.#skipsWord() || !this.#takesThree(ID_)) return false;
    this.id = this.#number();
    if (this.id < 0) return false;
    while (this.#bytes[this.#at] !== LETTER_P)
      if (!this.#takesThree(DF) && !this.#takesThree(CE) && !this.#takesThree(MF)) return false;
    return true;
  }

  #readIpv6Header(): boolean {
    this.id = NONE;
    if (!this.#takesThree(TC_) || !this.#skipsWord()) return false;
    if (!this.#takes(HOPL) || !this.#takes(IMIT) || !this.#takesByte(EQUALS) || !this.#skipsWord())
      return false;
    return this.#takes(FLOW) && this.#takes(LBL_) && this.#skipsWord();
  }

  /** `PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ` or `PROTO=UDP SPT=40000 DPT=53 LEN=40 `, to the LF. */
  #readTransport(): boolean {
    if (!this.#takes(PROT)) return false;
    this.isUdp = this.#takes(O_UDP);
    if (!this.isUdp && !this.#takes(O_TCP)) return false;
    if (!this.#takesByte(LETTER_P) || !this.#takesByte(BLANK) || !this.#takes(SPT_)) return false;
    this.spt = this.#number();
    if (this.spt < 0 || this.spt > MAX_PORT || !this.#takes(DPT_)) return false;
    this.dpt = this.#number();
    if (this.dpt < 0 || this.dpt > MAX_PORT) return false;
    return this.isUdp ? this.#takes(LEN_) && this.#isLast() : this.#readTcpHeader();
  }

  #readTcpHeader(): boolean {
    this.seq = NONE;
    if (this.#takes(SEQ_)) {
      this.seq = this.#number();
      if (this.seq < 0 || !this.#takes(ACK_) || !this.#skipsWord()) return false;
    }
    if (!this.#takes(WIND) || !this.#takesThree(OW_) || !this.#skipsWord()) return false;
    if (!this.#takes(RES_) || !this.#skipsWord()) return false;
    this.flags = 0;
    while (!this.#takes(URGP)) if (!this.#readFlag()) return false;
    return this.#takesByte(EQUALS) && this.#isLast();
  }

  #readFlag(): boolean {
    for (const { word, bit } of FLAGS) {
      if (!this.#takes(word)) continue;
      this.flags |= bit;
      return true;
    }
    return false;
  }

  /** An address and the blank behind it. */
  #readAddress(address: LineAddress): boolean {
    const isIpv6 = this.#bytes[this.#at + GROUP_BYTES - 1] === COLON;
    address.isIpv6 = isIpv6;
    return isIpv6 ? this.#readIpv6(address) : this.#readIpv4(address);
  }

  #readIpv4(address: LineAddress): boolean {
    const bytes = this.#bytes;
    let number = 0;
    let i = this.#at;
    for (let part = 0; part < 4; part++) {
      const first = i;
      let octet = 0;
      for (let digit = digitAt(bytes, i); digit < 10; digit = digitAt(bytes, ++i)) octet = octet * 10 + digit;
      const digits = i - first;
      // `010` is none: inet_aton would read it as octal.
      if (digits === 0 || digits > 3 || octet > 255 || (digits > 1 && bytes[first] === ZERO)) return false;
      if (bytes[i++] !== (part < 3 ? DOT : BLANK)) return false;
      number = (number << 8) | octet;
    }
    this.#at = i;
    address.a = number;
    address.b = address.c = address.d = 0;
    return true;
  }

  #readIpv6(address: LineAddress): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    address.a = twoGroups(bytes, at, COLON);
    address.b = twoGroups(bytes, at + 2 * GROUP_BYTES, COLON);
    address.c = twoGroups(bytes, at + 4 * GROUP_BYTES, COLON);
    address.d = twoGroups(bytes, at + 6 * GROUP_BYTES, BLANK);
    this.#at = at + IPV6_BYTES + 1;
    return !Number.isNaN(address.a + address.b + address.c + address.d);
  }

  /** Whether these four bytes come next; if so, goes on behind them. */
  #takes(word: number): boolean {
    const at = this.#at;
    if (at + 4 > this.#bytes.length || this.#view.getInt32(at, true) !== word) return false;
    this.#at = at + 4;
    return true;
  }

  #takesThree(word: number): boolean {
    const at = this.#at;
    if (at + 4 > this.#bytes.length || (this.#view.getInt32(at, true) & THREE_BYTES) !== word) return false;
    this.#at = at + 3;
    return true;
  }

  #takesByte(byte: number): boolean {
    return this.#bytes[this.#at++] === byte;
  }

  /** The number that comes next, and goes on behind it and its blank; -1 when there is none. */
  #number(): number {
    const bytes = this.#bytes;
    const first = this.#at;
    let number = 0;
    let i = first;
    for (let digit = digitAt(bytes, i); digit < 10; digit = digitAt(bytes, ++i)) number = number * 10 + digit;
    if (i === first || i - first > MOST_DIGITS || bytes[i] !== BLANK) return NONE;
    this.#at = i + 1;
    return number;
  }

  /** Goes on behind the rest of a word and its blank; control bytes are left to the careful reader. */
  #skipsWord(): boolean {
    const bytes = this.#bytes;
    let i = this.#at;
    while ((bytes[i] as number) > BLANK) i++;
    this.#at = i + 1;
    return bytes[i] === BLANK;
  }

  /** Whether a number comes next and the line ends behind it, or behind a mark. Some loggers leave out the last blank. */
  #isLast(): boolean {
    const bytes = this.#bytes;
    let i = this.#at;
    while (digitAt(bytes, i) < 10) i++;
    if (i === this.#at) return false;
    if (bytes[i] === BLANK) i++;
    this.#at = i;
    if (bytes[i] !== LF && !(this.#takes(MARK) && this.#takesByte(EQUALS) && this.#skipsWord())) return false;
    this.end = this.#at;
    return bytes[this.#at] === LF;
  }
}

/** A digit's number; of any other byte 10 or more. */
function digitAt(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) - ZERO) >>> 0;
}

/** Two groups of an IPv6 address, and the byte behind them; not a number unless they are written as the kernel does. */
function twoGroups(bytes: Buffer, at: number, after: number): number {
  const high = groupAt(bytes, at);
  const low = groupAt(bytes, at + GROUP_BYTES);
  const isPlain = bytes[at + GROUP_BYTES - 1] === COLON && bytes[at + 2 * GROUP_BYTES - 1] === after;
  return isPlain && (high | low) >= 0 ? (high << 16) | low : Number.NaN;
}

/** Negative where a digit is none. */
function groupAt(bytes: Buffer, at: number): number {
  return (
    (hexAt(bytes, at) << 12) |
    (hexAt(bytes, at + 1) << 8) |
    (hexAt(bytes, at + 2) << 4) |
    hexAt(bytes, at + 3)
  );
}

function hexAt(bytes: Buffer, at: number): number {
  return HEX[bytes[at] as number] as number;
}

/** Up to four bytes as `getInt32` reads them. */
function wordOf(text: string): number {
  return Buffer.from(text.padEnd(4, '\0')).readInt32LE();
}
