/** Collects what a report says from the counters, for every output format. */

import type { Ranking } from './frequent-items.ts';
import type { DoorKnocks } from './knocks.ts';
import type { ServiceOf } from './services.ts';
import type { CountryOf, Traffic } from './traffic.ts';

export interface Report {
  /** As they were named. */
  readonly logs: readonly string[];
  /** The one that counted; null for any. */
  readonly prefix: string | null;
  readonly traffic: Traffic;
  /** Lines that were not the kernel's. */
  readonly untrusted: number;
  /** Null where no doors were given. */
  readonly doors: readonly DoorKnocks[] | null;
  readonly serviceOf: ServiceOf;
  readonly countryOf: CountryOf | null;
}

/** A ranking as a person reads it. */
export interface Section {
  readonly title: string;
  /** What a row is about. */
  readonly of: string;
  readonly rows: readonly SectionRow[];
  /** What is left out; empty where it is nothing. */
  readonly rest: string;
}

export interface SectionRow {
  readonly name: string;
  readonly note: string;
  readonly packets: number;
  /** Whether there may have been more. */
  readonly isAtLeast: boolean;
}

/** Written for a name that is empty. */
const NO_NAME = '(none)';
const COUNTRIES_TOLD = 10;
/** Made when it is asked for: it takes longer to make than all that a daemon needs to start. */
let countryNames: Intl.DisplayNames | null = null;

export function sectionsOf({ traffic, prefix, serviceOf, countryOf }: Report): readonly Section[] {
  const { ports, sources, countries, protocols, interfaces, prefixes } = traffic;
  return [
    section(
      'Ports',
      'Port',
      ports,
      (key) => `${key.port}/${key.proto}`,
      (key) => serviceOf(key) ?? '',
    ),
    section('Sources', 'Source', sources, String, (key) => countryName(countryOf?.(key) ?? null)),
    ...(countries === null
      ? []
      : [section('Countries', 'Country', firstOf(countries), (code) => countryName(code) || 'unknown')]),
    section('Protocols', 'Protocol', protocols, named),
    section('Interfaces', 'Interface', interfaces, named),
    ...(prefix === null ? [section('Prefixes', 'Prefix', prefixes, (it) => named(it.trim()))] : []),
  ];
}

/** Empty where there is none. */
export function countryName(code: string | null): string {
  if (code === null) return '';
  countryNames ??= new Intl.DisplayNames(['en'], { type: 'region' });
  return countryNames.of(code) ?? code;
}

function section<K>(
  title: string,
  of: string,
  { rows, distinct, isExact }: Ranking<K>,
  nameOf: (key: K) => string,
  noteOf: (key: K) => string = () => '',
): Section {
  const others = distinct - rows.length;
  return {
    title,
    of,
    rows: rows.map(({ key, packets, atMost }) => ({
      name: nameOf(key),
      note: noteOf(key),
      packets,
      isAtLeast: atMost > packets,
    })),
    rest:
      others <= 0
        ? ''
        : `and ${isExact ? '' : 'at least '}${counted(others)} other${others === 1 ? '' : 's'}`,
  };
}

function firstOf<K>(ranking: Ranking<K>): Ranking<K> {
  return { ...ranking, rows: ranking.rows.slice(0, COUNTRIES_TOLD) };
}

function named(name: string): string {
  return name === '' ? NO_NAME : name;
}

/** `1,234,567` */
export function counted(number: number): string {
  return number.toLocaleString('en-US');
}

/** `1 line`, `2 lines` */
export function plural(number: number, noun: string): string {
  return `${counted(number)} ${noun}${number === 1 ? '' : 's'}`;
}
