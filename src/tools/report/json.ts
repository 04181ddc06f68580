/** Prints a report as one line of JSON. */

import { jsonLine } from '../../lib/printable.ts';
import { isoTime } from '../../lib/time.ts';
import type { Micros } from '../../model.ts';
import type { Counted, Ranking } from './frequent-items.ts';
import type { Report } from './report.ts';

export function reportJson({
  logs,
  prefix,
  traffic,
  untrusted,
  doors,
  serviceOf,
  countryOf,
}: Report): string {
  const { packets, from, to, ports, sources, countries, protocols, interfaces, prefixes, hours, timeline } =
    traffic;
  return jsonLine({
    logs,
    prefix,
    packets,
    untrusted,
    from: timeOrNull(from),
    to: timeOrNull(to),
    ports: ranked(ports, (key) => ({ ...key, service: serviceOf(key) })),
    sources: ranked(sources, (source) => ({
      source,
      ...(countryOf === null ? {} : { country: countryOf(source) }),
    })),
    ...(countries === null ? {} : { countries: ranked(countries, (country) => ({ country })) }),
    protocols: ranked(protocols, (proto) => ({ proto })),
    interfaces: ranked(interfaces, (name) => ({ in: name })),
    prefixes: ranked(prefixes, (it) => ({ prefix: it })),
    hours: hours.utc,
    timeline: {
      stepSeconds: timeline.stepSeconds,
      stretches: timeline.stretches.map(({ from: start, packets: count }) => ({
        time: isoTime(start),
        packets: count,
      })),
    },
    ...(doors === null
      ? {}
      : { doors: doors.map((door) => ({ ...door, lastOpening: timeOrNull(door.lastOpening) })) }),
  });
}

/** A row has `atMost` where its `packets` may be too low. */
function ranked<K>({ rows, distinct, isExact }: Ranking<K>, keyOf: (key: K) => object): object {
  const row = ({ key, packets, atMost }: Counted<K>): object => ({
    ...keyOf(key),
    packets,
    ...(atMost > packets ? { atMost } : {}),
  });
  return { distinct, isExact, top: rows.map(row) };
}

function timeOrNull(time: Micros | null): string | null {
  return time === null ? null : isoTime(time);
}
