/** The nouns of knocktail as types: what one stage hands to the next. */

declare const brand: unique symbol;

/** An IPv4 or IPv6 address in canonical text (RFC 5952 for IPv6); made by `address.ts` alone. */
export type Address = string & { readonly [brand]: 'Address' };
/** A port number, 0 to 65535. */
export type Port = number & { readonly [brand]: 'Port' };
/** A moment: whole microseconds since the Unix epoch, exact in a double until the year 2255. */
export type Micros = number;

export const US_PER_MS = 1_000;
export const US_PER_SECOND = 1_000_000;

// line

/** What a followed log hands on. Nothing in it is trusted yet. */
export type LineEvent =
  | {
      readonly kind: 'lines';
      /** Whole lines, each ending in LF, in the order of the log; theirs only until the next event is asked for. */
      readonly bytes: Buffer;
      readonly readAt: Micros;
      /** When the machine booted that they are from, by its clocks of this moment; null for a record. */
      readonly bootedAt: Micros | null;
      /** Where they end in their log; null where it cannot be gone back to. */
      readonly place: LogPosition | null;
      /** They were read and acted on before: by what was here then. */
      readonly again: boolean;
    }
  /** Everything that could be read at this moment has been handed on. Not said while a source is known to hold lines back. */
  | {
      readonly kind: 'drained';
      readonly at: Micros;
      /** False for a pipe: lines that were written before may still be on their way. */
      readonly isComplete: boolean;
    }
  /** Something a person should know of the source; `lost` when lines may be missing for it. */
  | {
      readonly kind: 'notice';
      readonly text: string;
      readonly lost: boolean;
      /** Whether lines may be other than they seem. */
      readonly isDoubt?: boolean;
      /** How many lines were lost, where that is known. */
      readonly lines?: number;
    };

/** A place in a log that outlives its reader. */
export type LogPosition =
  | {
      readonly kind: 'file';
      readonly dev: number;
      readonly ino: number;
      readonly position: number;
      /** The bytes before the position, in hexadecimal: while they stand there, it is the same file. */
      readonly print: string;
    }
  | {
      readonly kind: 'journal';
      readonly cursor: string;
      readonly boot: string;
      /** When the journal had it, in microseconds since boot: the order of entries within a boot. */
      readonly monotonicUs: number;
    }
  | { readonly kind: 'kmsg'; readonly boot: string; readonly sequence: number };

/** A place where lines come from. Iterating starts it; aborting its signal ends the iteration. */
export type LineSource = AsyncIterable<LineEvent>;

// packet

/** Who writes a log, which decides what of it is believed. */
export const LOG_FORMATS = ['kernel', 'ulogd', 'any'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** TCP flags as the kernel's LOG target names and orders them (net/netfilter/nf_log_syslog.c); AE since 6.14. */
export const TCP_FLAGS = {
  AE: 256,
  CWR: 128,
  ECE: 64,
  URG: 32,
  ACK: 16,
  PSH: 8,
  RST: 4,
  SYN: 2,
  FIN: 1,
} as const;

/** By which stamp a packet was placed in time. `reading`: none could be used, so its age is not known. */
export type PlacedBy = 'kernel' | 'syslog' | 'reading';

/** What a kernel LOG line says of one packet. A field the line does not have is null. */
export interface Packet {
  readonly time: Micros;
  readonly clock: PlacedBy;
  /** The host that logged it, as the line names it; empty where it names none. */
  readonly host: string;
  /** The whole wall-clock second the log itself prints, else that of `time`: knockd's clock. */
  readonly second: number;
  readonly prefix: string;
  readonly in: string;
  readonly out: string;
  readonly src: Address;
  readonly dst: Address;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, else the kernel's word or number in lower case; empty where it writes none. */
  readonly proto: string;
  readonly spt: Port | null;
  readonly dpt: Port | null;
  /** A sum of TCP_FLAGS; null unless TCP. */
  readonly flags: number | null;
  readonly icmp: { readonly type: number; readonly code: number } | null;
  readonly len: number | null;
  readonly id: number | null;
  /** TCP sequence number, where the rule has --log-tcp-sequence. */
  readonly seq: number | null;
}

/** A port and its protocol as one number: those of TCP are themselves, those of UDP begin here. */
export const UDP_PORTS = 0x1_0000;

/** An address as signed integers of 32 bits, the first half first: `a` alone for IPv4, where the others are 0. */
export interface AddressNumbers {
  readonly isIpv6: boolean;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** Takes note of packets of which no more needs to be made. */
export interface PacketNotes {
  /**
   * False when the packet has to be read in full; otherwise all has been done that it can do.
   *
   * @param host the host that logged it, as of `Packet`
   * @param client its source; the object is the caller's, and holds another address later
   * @param port a number as of `UDP_PORTS`
   */
  noted(host: string, client: AddressNumbers, port: number, time: Micros): boolean;
}

// attempt

export type Step =
  | { readonly proto: 'tcp' | 'udp'; readonly port: Port }
  /** An echo request with this many bytes of payload; null for any. */
  | { readonly proto: 'icmp'; readonly size: number | null };
export type Sequence = readonly Step[];

/** knockd's `tcpflags`: these set, those clear, all others free. Sums of TCP_FLAGS. */
export interface FlagRule {
  readonly set: number;
  readonly clear: number;
}

/** What the engine needs to know of a door. */
export interface Lock {
  readonly name: string;
  readonly seqTimeoutUs: number;
  readonly tcpflags: FlagRule | null;
  /** What discards the attempts of a source and closes the door to it. */
  readonly traps: Sequence;
  /** Whether a packet is any of this door's business: its source, destination and interface. */
  admits(packet: Packet): boolean;
  /** Whether its sequences stay the same, so that they need not be asked for with each packet. */
  readonly isFixed?: boolean;
  /** The sequences that open the door at this moment. The same array means that nothing changed. */
  sequences(now: Micros): readonly Sequence[];
  /** Tells the door that this sequence has just opened it. */
  used(sequence: Sequence, now: Micros): void;
}

/** What the engine says of one packet or of time passing. */
export interface Decision {
  readonly time: Micros;
  /** `trap`: the source has touched a trap of the door. */
  readonly event: 'stage' | 'open' | 'reset' | 'timeout' | 'trap';
  readonly door: string;
  /** The host that logged the knock, as its lines name it; empty where they name none. */
  readonly host: string;
  readonly source: Address;
  /** Steps taken: after this packet for `stage` and `open`, before it was lost for `reset` and `timeout`. */
  readonly stage: number;
  /** Steps in the sequence. */
  readonly of: number;
  /** Why a `reset` came; null for the other events. */
  readonly why: 'wrong packet' | 'port sweep' | 'trap' | null;
}

/** A source that is sweeping ports. */
export interface Sweep {
  /** The host that logged it, as its lines name it; empty where they name none. */
  readonly host: string;
  readonly source: Address;
}

// opening and rule

export type Family = 4 | 6;

/** A door that is open for one source until a moment. */
export interface Opening {
  readonly door: string;
  readonly source: Address;
  readonly proto: 'tcp' | 'udp';
  readonly port: Port;
  /** The one destination it is for; null for any. */
  readonly to: Address | null;
  /** Whole seconds since the epoch, the first at which the door is shut; null for no end. */
  readonly until: number | null;
}

/** What `ensure` found or made. */
export interface Ensured {
  /** What is worth telling. */
  readonly told: readonly string[];
  /** Whether the chain or a jump to it had to be made. */
  readonly rebuilt: boolean;
}

/** Why an opening could not be inserted. */
export interface Refused {
  readonly error: Error;
  /** The chain is not there, and `ensure` may help; or it took too long, and may do at another time. */
  readonly why: 'no chain' | 'no answer' | 'other';
}

/** The one thing that stands between openings and the packet filter. */
export interface Firewall {
  /** Whether it only tells. */
  readonly isDry: boolean;
  /** Whether rules end by themselves; assumed until `ensure` has found out. */
  readonly hasTime: boolean;
  /** Makes the chain and its jumps where they are missing. */
  ensure(): Promise<Ensured>;
  /** False where `ensure` would have something to make or move. Can be asked beside all else. */
  intact(): Promise<boolean>;
  /** The openings that stand in the chain, both families. */
  list(): Promise<readonly Opening[]>;
  /** Whether this opening stands in the chain. */
  has(opening: Opening): Promise<boolean>;
  /** Resolves to those that could not be inserted. */
  insert(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Refused>>;
  /**
   * Finds out what `remove` needs to know to remove many openings quickly. Can be asked beside all else, and changes
   * nothing; without it `remove` finds that out itself. Resolves to how many to remove at a time, so that other changes do
   * not wait long.
   */
  prepareRemoval(): Promise<number>;
  /** Resolves to those that were not removed, and why; null where no such rule stood. */
  remove(openings: readonly Opening[]): Promise<ReadonlyMap<Opening, Error | null>>;
  /** Resolves when nothing of it is left to run. What stands in the chain stays. */
  close(): Promise<void>;
}
