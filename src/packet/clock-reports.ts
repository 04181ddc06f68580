/** Words what the owner of a log should know of the clocks of the hosts that write it. */

import { type Micros, US_PER_SECOND } from '../model.ts';
import type { ClockNotice } from './clock.ts';

/** Anyone who floods a log with wild stamps gets one line a minute. */
const REPORT_US = 60 * US_PER_SECOND;
/** Hosts that are named in a line. */
const NAMED = 5;
const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_HOUR = 3_600;

export interface ClockCounts {
  /** Lines whose stamps disagree with the clock of their host. */
  readonly disagreed: number;
  /** Lines of unknown age: without a stamp, or with one that is impossible. */
  readonly undated: number;
  readonly hosts: readonly string[];
}

export class ClockReports {
  #disagreed = { reported: 0, at: Number.NEGATIVE_INFINITY };
  #undated = { reported: 0, at: Number.NEGATIVE_INFINITY };
  #relearnedAt = Number.NEGATIVE_INFINITY;
  #isToldOfHosts = false;

  /** What is due to be logged by now. */
  reports(now: Micros, counts: ClockCounts, notices: readonly ClockNotice[]): readonly string[] {
    return [
      ...this.#several(counts.hosts),
      ...notices.flatMap((notice) => this.#ofNotice(notice, now)),
      ...this.#disagreements(counts.disagreed, now),
      ...this.#ofUnknownAge(counts.undated, now),
    ];
  }

  #several(hosts: readonly string[]): readonly string[] {
    const named = hosts.filter((host) => host !== '');
    if (this.#isToldOfHosts || named.length < 2) return [];
    this.#isToldOfHosts = true;
    const more = named.length > NAMED ? ` and ${named.length - NAMED} more` : '';
    return [
      `this log holds lines of several hosts (${named.slice(0, NAMED).join(', ')}${more}): a knock counts for the ` +
        'host that logged it; set host: in the log entry or the door to accept one host alone',
    ];
  }

  #ofNotice(notice: ClockNotice, now: Micros): readonly string[] {
    const whose = notice.host === '' ? 'its host' : notice.host;
    if (notice.kind === 'zone') return [zoneText(whose, notice, now)];
    if (Math.abs(now - this.#relearnedAt) < REPORT_US) return [];
    this.#relearnedAt = now;
    return [`the clock of ${whose} was learned again: its stamps moved by ${signed(notice.byUs)}`];
  }

  #disagreements(disagreed: number, now: Micros): readonly string[] {
    if (disagreed === this.#disagreed.reported || Math.abs(now - this.#disagreed.at) < REPORT_US) return [];
    const lines = disagreed - this.#disagreed.reported;
    this.#disagreed = { reported: disagreed, at: now };
    return [
      `${count(lines, 'line has', 'lines have')} an uptime and a syslog time that disagree: a knock among them may ` +
        'have been too old, or outside its window; see knocktail explain',
    ];
  }

  #ofUnknownAge(undated: number, now: Micros): readonly string[] {
    if (undated === this.#undated.reported || Math.abs(now - this.#undated.at) < REPORT_US) return [];
    const lines = undated - this.#undated.reported;
    this.#undated = { reported: undated, at: now };
    return [
      `${count(lines, 'line has', 'lines have')} no time, or a time in the future: of unknown age, so ignored`,
    ];
  }
}

function zoneText(
  whose: string,
  { byUs, isZone }: Extract<ClockNotice, { kind: 'zone' }>,
  now: Micros,
): string {
  const off = `stamps of ${whose} are ${spell(Math.abs(byUs))} ${byUs > 0 ? 'behind' : 'ahead of'} this machine's clock`;
  if (!isZone) return `${off}: corrected from here on; check the clock of that host`;
  const localUs = -new Date(now / 1_000).getTimezoneOffset() * SECONDS_PER_MINUTE * US_PER_SECOND;
  return `${off}: read as another time zone from here on; set log.timezone: "${zoneOf(localUs - byUs)}"`;
}

/** `-05:00`, as `log.timezone` takes it. */
export function zoneOf(offsetUs: number): string {
  const minutes = Math.round(Math.abs(offsetUs) / US_PER_SECOND / SECONDS_PER_MINUTE);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${offsetUs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function spell(us: number): string {
  const seconds = us / US_PER_SECOND;
  if (seconds < SECONDS_PER_HOUR / 4) return `${seconds.toFixed(1)} s`;
  return `${Number((seconds / SECONDS_PER_HOUR).toFixed(2))} h`;
}

function signed(us: number): string {
  return `${us < 0 ? '-' : '+'}${(Math.abs(us) / US_PER_SECOND).toFixed(1)} s`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
