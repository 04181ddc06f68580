/** Parses the body of a LOG line, from `IN=` on, in the order in which the kernel writes it. */

import { TCP_FLAGS } from '../model.ts';
import { BLANK, decimal, skipBlanks, standsAt, wordEnd } from './bytes.ts';

const [OPEN, CLOSE, OPEN_PAREN, CLOSE_PAREN] = [0x5b, 0x5d, 0x28, 0x29];
const MAX_PORT = 65_535;
const NONE = -1;
const NUL = 0;

/** Between the interfaces and the addresses. `TUNNEL=` is that of sit devices. */
const LINK_KEYS = [
  'MAC=',
  'PHYSIN=',
  'PHYSOUT=',
  'MACSRC=',
  'MACDST=',
  'MACPROTO=',
  'VPROTO=',
  'VID=',
  'TUNNEL=',
];
/** Between the addresses and the protocol, besides LEN= and ID=. */
const NETWORK_WORDS = [
  'TOS=',
  'PREC=',
  'TTL=',
  'TC=',
  'HOPLIMIT=',
  'FLOWLBL=',
  'ID:',
  'CE',
  'DF',
  'MF',
  'INCOMPLETE',
];
/** After the protocol, besides ports, flags, type and code. */
const TRANSPORT_WORDS = [
  'LEN=',
  'SEQ=',
  'ACK=',
  'WINDOW=',
  'RES=',
  'ID=',
  'PARAMETER=',
  'GATEWAY=',
  'POINTER=',
  'MTU=',
  'SPI=',
  'UID=',
  'GID=',
  'MARK=',
  'mark=',
  'PHYSIN=',
];
const CUT_OFF = 'it ends at its protocol';
/** Their headers are printed, but for fragments and what is too short. */
const WITH_HEADER = ['TCP', 'UDP', 'UDPLITE', 'ICMP', 'ICMPv6', 'ICMPV6'];
const FLAGS = Object.entries(TCP_FLAGS);
/** Those behind which no other stands in a packet that any system sends. */
const LAST_FLAGS = TCP_FLAGS.RST | TCP_FLAGS.SYN | TCP_FLAGS.FIN;

/**
 * Reads a body left to right, in the order of net/netfilter/nf_log_syslog.c. Nothing is searched for: an
 * interface may be called `DPT=7000`, and what an ICMP error quotes in brackets is wholly of its sender's
 * choosing. A word that the kernel does not write at its place makes the line no packet, so of two lines run
 * into one nothing is believed.
 *
 * One object serves for many lines, so that a line that does not matter costs no allocation.
 */
export class LogBody {
  inAt = 0;
  inEnd = 0;
  outAt = 0;
  outEnd = 0;
  /** Of the MAC header; where there is none, both are `srcAt`. */
  macAt = 0;
  macEnd = 0;
  srcAt = 0;
  srcEnd = 0;
  dstAt = 0;
  dstEnd = 0;
  protoAt = 0;
  protoEnd = 0;
  /** Numbers are -1 where the line does not have them. */
  spt = NONE;
  dpt = NONE;
  flags = NONE;
  icmpType = NONE;
  icmpCode = NONE;
  len = NONE;
  id = NONE;
  seq = NONE;
  /** Whether it has no header behind that of IP, or not all of it. */
  #isPart = false;
  /** What the kernel would have written otherwise; null when nothing. */
  oddity: string | null = null;

  /**
   * Whether a whole body stands from `at` to `end`; its fields are then those of this object.
   *
   * @param isForeign whether another program than the kernel may have written it: that of Proxmox VE has no OUT= for what
   *   goes to the host itself, and URGP= only for urgent data (pve-firewall, pvefw-logger.c)
   */
  read(bytes: Buffer, at: number, end: number, isForeign = false): boolean {
    this.spt = this.dpt = this.flags = this.icmpType = this.icmpCode = this.len = this.id = this.seq = NONE;
    this.oddity = null;
    this.#isPart = false;
    this.protoAt = this.protoEnd = at;
    const network = this.#readLink(bytes, at, end, isForeign);
    const proto = network < 0 ? NONE : this.#readNetwork(bytes, network, end);
    if (proto < 0 || !this.#readTransport(bytes, proto, end, isForeign)) return false;
    // A crash leaves NULs where a file had not been written: what is behind them is of another line.
    return !bytes.subarray(at, end).includes(NUL);
  }

  /** `IN=eth0 OUT= MAC=... SRC=... DST=...`; returns where the next word begins. */
  #readLink(bytes: Buffer, at: number, end: number, isForeign: boolean): number {
    if (!standsAt(bytes, 'IN=', at, end)) return NONE;
    this.inAt = at + 3;
    this.inEnd = wordEnd(bytes, this.inAt, end);
    const out = skipBlanks(bytes, this.inEnd, end);
    const hasOut = standsAt(bytes, 'OUT=', out, end);
    if (!hasOut && !isForeign) this.oddity = 'it has no OUT=';
    this.outAt = hasOut ? out + 4 : out;
    this.outEnd = hasOut ? wordEnd(bytes, this.outAt, end) : out;
    let word = skipBlanks(bytes, this.outEnd, end);
    this.macAt = this.macEnd = NONE;
    while (!standsAt(bytes, 'SRC=', word, end)) {
      if (!startsWithOne(bytes, LINK_KEYS, word, end)) return NONE;
      if (standsAt(bytes, 'MAC=', word, end)) {
        this.macAt = word + 4;
        this.macEnd = wordEnd(bytes, word, end);
      }
      word = nextWord(bytes, word, end);
    }
    this.srcAt = word + 4;
    if (this.macAt < 0) this.macAt = this.macEnd = this.srcAt;
    this.srcEnd = wordEnd(bytes, this.srcAt, end);
    const dst = skipBlanks(bytes, this.srcEnd, end);
    if (!standsAt(bytes, 'DST=', dst, end)) return NONE;
    this.dstAt = dst + 4;
    this.dstEnd = wordEnd(bytes, this.dstAt, end);
    return skipBlanks(bytes, this.dstEnd, end);
  }

  /** `LEN=60 TOS=0x00 ... ID=4711 DF`, up to PROTO=; the first LEN and ID are those of the packet. */
  #readNetwork(bytes: Buffer, at: number, end: number): number {
    let isEnd = false;
    for (let word = at; word < end; word = nextWord(bytes, word, end)) {
      const wordEnds = wordEnd(bytes, word, end);
      if (standsAt(bytes, 'PROTO=', word, end)) {
        this.protoAt = word + 6;
        this.protoEnd = wordEnds;
        if (wordEnds === end) this.oddity = CUT_OFF;
        return wordEnds > this.protoAt ? skipBlanks(bytes, wordEnds, end) : NONE;
      }
      if (standsAt(bytes, 'LEN=', word, end)) {
        if (this.len < 0) this.len = decimal(bytes, word + 4, wordEnds);
      } else if (standsAt(bytes, 'ID=', word, end)) {
        if (this.id < 0) this.id = decimal(bytes, word + 3, wordEnds);
      } else if (standsAt(bytes, 'OPT', word, end)) {
        const close = bracketEnd(bytes, word, end, OPEN_PAREN, CLOSE_PAREN);
        if (close < 0) return NONE;
        isEnd = this.#readEncrypted(bytes, word, close);
        const fragment = bytes.indexOf('FRAG:', word);
        if (fragment >= 0 && fragment < close) this.#isPart = true;
        word = close;
      } else if (standsAt(bytes, 'FRAG', word, end)) this.#isPart = !standsAt(bytes, '0', word + 5, wordEnds);
      else if (standsAt(bytes, 'TRUNCATED', word, end)) isEnd = true;
      else if (!startsWithOne(bytes, NETWORK_WORDS, word, end)) return NONE;
    }
    if (!isEnd) this.oddity = 'it has no PROTO=';
    return end;
  }

  /** `OPT ( ESP SPI=0xdeadbeef )`: behind an IPv6 header of ESP the kernel sees, and writes, nothing more. */
  #readEncrypted(bytes: Buffer, at: number, end: number): boolean {
    const esp = bytes.indexOf('ESP ', at);
    if (esp < 0 || esp > end) return false;
    this.protoAt = esp;
    this.protoEnd = esp + 3;
    return true;
  }

  /** What follows the protocol: ports, flags, type and code, and what is passed over. */
  #readTransport(bytes: Buffer, at: number, end: number, isForeign: boolean): boolean {
    let hasFlags = false;
    let flags = NONE;
    for (let word = at; word < end; word = nextWord(bytes, word, end)) {
      const wordEnds = wordEnd(bytes, word, end);
      const isWhole = wordEnds < end;
      if (standsAt(bytes, 'SPT=', word, end)) {
        if (this.spt >= 0 || !isWhole) return false;
        this.spt = portFrom(bytes, word + 4, wordEnds);
        if (this.spt < 0) return false;
      } else if (standsAt(bytes, 'DPT=', word, end)) {
        if (this.dpt >= 0 || this.spt < 0 || !isWhole) return false;
        this.dpt = portFrom(bytes, word + 4, wordEnds);
        if (this.dpt < 0) return false;
      } else if (standsAt(bytes, 'WINDOW=', word, end)) flags = 0;
      else if (standsAt(bytes, 'URGP=', word, end)) hasFlags = isFlagsEnd(flags, hasFlags);
      else if (standsAt(bytes, 'TYPE=', word, end)) {
        if (this.icmpType >= 0 || !isWhole) return false;
        this.icmpType = decimal(bytes, word + 5, wordEnds);
      } else if (standsAt(bytes, 'CODE=', word, end)) {
        if (this.icmpCode >= 0) return false;
        this.icmpCode = decimal(bytes, word + 5, wordEnds);
      } else if (standsAt(bytes, 'SEQ=', word, end)) {
        if (this.seq < 0) this.seq = decimal(bytes, word + 4, wordEnds);
      } else if (bytes[word] === OPEN) {
        // Errors of ICMP quote a packet, and `INCOMPLETE [8 bytes]` says how much there is.
        if (!this.#isPart && !standsAt(bytes, 'ICMP', this.protoAt, this.protoEnd)) return false;
        word = bracketEnd(bytes, word, end, OPEN, CLOSE);
        if (word < 0) return true;
      } else if (standsAt(bytes, 'OPT', word, end)) {
        word = bracketEnd(bytes, word, end, OPEN_PAREN, CLOSE_PAREN);
        if (word < 0) return this.#complete(bytes, flags, hasFlags, isForeign);
      } else if (standsAt(bytes, 'INCOMPLETE', word, end)) this.#isPart = true;
      else {
        const flag = flagAt(bytes, word, wordEnds);
        // Of the kernel's own lines, more is to come; elsewhere `URG` may be what is left of `URGP=`.
        const isKnown = isWhole || (isForeign && flag !== TCP_FLAGS.URG);
        if (flag > 0 && flags >= 0 && !hasFlags) flags |= isKnown ? flag : 0;
        else if (!startsWithOne(bytes, TRANSPORT_WORDS, word, end)) return false;
      }
    }
    return this.#complete(bytes, flags, hasFlags, isForeign);
  }

  /**
   * A TCP line that was cut among its flags tells of fewer than the packet had. Where nothing need follow them, it is
   * whole when none can be missing: after SYN and RST no real packet has another.
   */
  #complete(bytes: Buffer, flags: number, hasFlags: boolean, isForeign: boolean): boolean {
    if (this.spt >= 0 !== this.dpt >= 0) return false;
    const hasHeader = this.dpt >= 0 || this.icmpCode >= 0 || this.#isPart;
    if (!hasHeader && WITH_HEADER.some((name) => this.isProto(bytes, name))) this.oddity = CUT_OFF;
    if (!this.isProto(bytes, 'TCP') || this.dpt < 0) return true;
    this.flags = flags;
    const isWhole = hasFlags || (isForeign && flags > 0 && (flags & LAST_FLAGS) !== 0);
    if (!isWhole) this.oddity = 'its TCP flags are missing or cut off';
    return true;
  }

  isProto(bytes: Buffer, name: string): boolean {
    return this.protoEnd - this.protoAt === name.length && standsAt(bytes, name, this.protoAt, this.protoEnd);
  }
}

function isFlagsEnd(flags: number, hadFlags: boolean): boolean {
  return hadFlags || flags >= 0;
}

function nextWord(bytes: Buffer, word: number, end: number): number {
  return skipBlanks(bytes, wordEnd(bytes, word, end), end);
}

function startsWithOne(bytes: Buffer, words: readonly string[], at: number, end: number): boolean {
  return words.some((word) => standsAt(bytes, word, at, end));
}

function flagAt(bytes: Buffer, at: number, end: number): number {
  for (const [name, bit] of FLAGS) if (end - at === name.length && standsAt(bytes, name, at, end)) return bit;
  return 0;
}

function portFrom(bytes: Buffer, at: number, end: number): number {
  const port = decimal(bytes, at, end);
  return port <= MAX_PORT ? port : NONE;
}

/** Where the bracket closes that opens at or after `at`, inner ones included; -1 when it does not. */
function bracketEnd(bytes: Buffer, at: number, end: number, open: number, close: number): number {
  let depth = 0;
  for (let place = at; place < end; place++) {
    const byte = bytes[place];
    if (byte === open) depth++;
    else if (byte === close && --depth <= 0) return place;
    else if (depth === 0 && byte === BLANK && bytes[place + 1] !== open) return NONE;
  }
  return NONE;
}
