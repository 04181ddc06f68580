/** What a test is about -> packets that are otherwise ordinary, and reports on them. */

import { parseAddress, toPort } from '../../../src/lib/address.ts';
import { type Address, type Packet, US_PER_SECOND } from '../../../src/model.ts';
import type { Report } from '../../../src/tools/report/report.ts';
import { servicesOf } from '../../../src/tools/report/services.ts';
import { TrafficCount } from '../../../src/tools/report/traffic.ts';

const START_S = Date.UTC(2026, 10, 21) / 1_000;

/** A SYN to port 22 at 2026-11-21T00:00:00Z, or some seconds later. */
export function packet({
  after = 0,
  src = '192.0.2.7',
  dpt = 22,
  ...rest
}: Partial<Omit<Packet, 'src' | 'dpt'>> & {
  after?: number;
  src?: string;
  dpt?: number | null;
} = {}): Packet {
  return {
    time: (START_S + after) * US_PER_SECOND,
    second: START_S + after,
    clock: 'kernel',
    host: '',
    prefix: 'KNOCK ',
    in: 'eth0',
    out: '',
    src: toAddress(src),
    dst: toAddress('192.0.2.2'),
    proto: 'tcp',
    spt: toPort(40_000),
    dpt: dpt === null ? null : toPort(dpt),
    flags: 2,
    icmp: null,
    len: 40,
    id: 1,
    seq: null,
    ...rest,
  };
}

export function reportOn(packets: readonly Packet[], rest: Partial<Report> = {}): Report {
  const count = new TrafficCount(rest.countryOf ?? null);
  for (const each of packets) count.add(each);
  return {
    logs: ['kern.log'],
    prefix: 'KNOCK ',
    traffic: count.read(10),
    untrusted: 0,
    doors: null,
    serviceOf: servicesOf(''),
    countryOf: null,
    ...rest,
  };
}

export function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new Error(`no address: ${text}`);
  return address;
}
