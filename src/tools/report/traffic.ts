/** Counts packets by port, source, hour and more. */

import { type Address, type Micros, type Packet, UDP_PORTS } from '../../model.ts';
import { FrequentItems, type Ranking } from './frequent-items.ts';
import { type HourCounts, Hours } from './hours.ts';
import { type Stretches, Timeline } from './timeline.ts';

export interface Traffic {
  readonly packets: number;
  /** The first and the last moment; null where there is no packet. */
  readonly from: Micros | null;
  readonly to: Micros | null;
  readonly ports: Ranking<PortName>;
  readonly sources: Ranking<Address>;
  /** Null where nobody knows the countries of addresses; the key is null for those of no country. */
  readonly countries: Ranking<string | null> | null;
  readonly protocols: Ranking<string>;
  readonly interfaces: Ranking<string>;
  readonly prefixes: Ranking<string>;
  readonly hours: HourCounts;
  readonly timeline: Stretches;
}

export interface PortName {
  readonly port: number;
  readonly proto: string;
}

/** The two-letter code of the country of an address; null where that is not known. */
export type CountryOf = (address: Address) => string | null;

/** What the kernel prints ports for (nf_log_syslog.c); each has 65,536 of them. */
const PROTOS = ['tcp', 'udp', 'udplite'];
const EVERY_PORT = PROTOS.length * UDP_PORTS;
const MOST_SOURCES = 131_072;
/** There are fewer than that of countries, protocols and, on a sound host, interfaces and prefixes. */
const MOST_NAMES = 1_024;
/** The map shows every country. */
const EVERY = MOST_NAMES;

export class TrafficCount {
  #packets = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  readonly #ports = new FrequentItems<number>(EVERY_PORT);
  readonly #sources = new FrequentItems<Address>(MOST_SOURCES);
  readonly #countries = new FrequentItems<string | null>(MOST_NAMES);
  readonly #protocols = new FrequentItems<string>(MOST_NAMES);
  readonly #interfaces = new FrequentItems<string>(MOST_NAMES);
  readonly #prefixes = new FrequentItems<string>(MOST_NAMES);
  readonly #hours = new Hours();
  readonly #timeline = new Timeline();
  readonly #countryOf: CountryOf | null;

  constructor(countryOf: CountryOf | null) {
    this.#countryOf = countryOf;
  }

  add({ time, prefix, in: name, src, proto, dpt }: Packet): void {
    this.#packets++;
    if (time < this.#from) this.#from = time;
    if (time > this.#to) this.#to = time;
    const ofProto = dpt === null ? -1 : PROTOS.indexOf(proto);
    if (dpt !== null && ofProto >= 0) this.#ports.add(ofProto * UDP_PORTS + dpt);
    this.#sources.add(src);
    if (this.#countryOf !== null) this.#countries.add(this.#countryOf(src));
    this.#protocols.add(proto);
    this.#interfaces.add(name);
    this.#prefixes.add(prefix);
    this.#hours.add(time);
    this.#timeline.add(time);
  }

  /** @param limit how long a ranking may be; countries are all told */
  read(limit: number): Traffic {
    const ports = this.#ports.top(limit);
    const isNone = this.#packets === 0;
    return {
      packets: this.#packets,
      from: isNone ? null : this.#from,
      to: isNone ? null : this.#to,
      ports: { ...ports, rows: ports.rows.map((row) => ({ ...row, key: portName(row.key) })) },
      sources: this.#sources.top(limit),
      countries: this.#countryOf === null ? null : this.#countries.top(EVERY),
      protocols: this.#protocols.top(limit),
      interfaces: this.#interfaces.top(limit),
      prefixes: this.#prefixes.top(limit),
      hours: this.#hours.read(),
      timeline: this.#timeline.read(),
    };
  }
}

function portName(number: number): PortName {
  return { port: number % UDP_PORTS, proto: PROTOS[Math.floor(number / UDP_PORTS)] ?? '' };
}
