/** Writes what happens as lines of the log, in our words or knockd's, and as JSON for programs. */

import { isoTime, shortTime, spanText } from '../lib/time.ts';
import { type Address, type Decision, type Micros, type Opening, US_PER_SECOND } from '../model.ts';
import { type NearMiss, UNFINISHED, WINDOW_MINUTES } from './near-misses.ts';

/** What is said differently where scripts and filters expect the words of knockd 0.8 (observed). */
export interface Messages {
  /** Null for what is not told. */
  decision(decision: Decision): string | null;
  /** At which level. What an opening comes to is told at `info` in any case. */
  readonly decisionLevel: 'info' | 'debug';
  /** What a line on a command begins with. */
  commandOf(door: string, source: Address): string;
  /** Null where the line that says `ready` will do. */
  started(interfaceName: string | null): string | null;
  reloaded(path: string): string;
}

export function messagesFor(compat: 'none' | 'knockd'): Messages {
  return compat === 'knockd' ? KNOCKD : KNOCKTAIL;
}

const KNOCKTAIL: Messages = {
  decision: describe,
  decisionLevel: 'debug',
  commandOf: (door, source) => `${source}: ${door}`,
  started: () => null,
  reloaded: (path) => `reloaded ${path}`,
};

const KNOCKD: Messages = {
  decisionLevel: 'info',
  decision: ({ source, door, event, stage }) => {
    const said = {
      stage: `Stage ${stage}`,
      open: 'OPEN SESAME',
      timeout: `sequence timeout (stage ${stage})`,
      trap: 'touched a trap',
      reset: null,
    }[event];
    return said === null ? null : `${source}: ${door}: ${said}`;
  },
  commandOf: (door) => door,
  started: (name) => `starting up, listening on ${name ?? 'any interface'}`,
  reloaded: (path) => `re-reading config file: ${path}`,
};

/** `10.0.0.7: ssh: stage 2 of 3` */
export function describe({ source, door, event, stage, of, why }: Decision): string {
  const said = {
    stage: `stage ${stage} of ${of}`,
    open: 'OPEN SESAME',
    trap: 'touched a trap',
    reset: `reset at stage ${stage} of ${of} (${why})`,
    timeout: `timeout at stage ${stage} of ${of}`,
  };
  return `${source}: ${door}: ${said[event]}`;
}

/**
 * `opened 22/tcp for 10.0.0.7 until 21:14:30 (30 s)`
 *
 * @param span for how long; null where it has no end
 */
export function describeOpened(opening: Opening, span: Micros | null, now: Micros): string {
  const length = span === null ? '' : ` (${spanText(span)})`;
  return `opened ${endOf(opening)} for ${opening.source} ${untilText(opening, now)}${length}`;
}

/** `22/tcp was not opened for 10.0.0.7: WHY` */
export function describeNotOpened(opening: Omit<Opening, 'until'>, why: string): string {
  return `${endOf(opening)} was not opened for ${opening.source}: ${why}`;
}

/** `22/tcp is already open for 10.0.0.7 until 21:14:30` */
export function describeStillOpen(opening: Opening, now: Micros): string {
  return `${endOf(opening)} is already open for ${opening.source} ${untilText(opening, now)}`;
}

/** `closed 22/tcp for 10.0.0.7 (20 s early)` */
export function describeClosed(opening: Opening, now: Micros): string {
  const { source, until } = opening;
  const leftUs = until === null ? 0 : until * US_PER_SECOND - now;
  const early = leftUs >= US_PER_SECOND ? ` (${spanText(wholeSeconds(leftUs))} early)` : '';
  return `closed ${endOf(opening)} for ${source}${early}`;
}

/**
 * Time that is left, in whole seconds. The kernel ends rules at whole seconds, so one may stand for up to a second longer
 * than was asked for; rounded down, what is shown is never more than that.
 */
export function wholeSeconds(left: Micros): Micros {
  return left <= 0 ? 0 : Math.max(US_PER_SECOND, Math.floor(left / US_PER_SECOND) * US_PER_SECOND);
}

/** `until 21:14:30` */
export function untilText({ until }: Pick<Opening, 'until'>, now: Micros): string {
  return until === null ? 'until it is closed' : `until ${shortTime(until * US_PER_SECOND, now)}`;
}

/** `22/tcp`, `22/tcp on 192.0.2.1` */
export function endOf({ port, proto, to }: Pick<Opening, 'port' | 'proto' | 'to'>): string {
  return `${port}/${proto}${to === null ? '' : ` on ${to}`}`;
}

/** `10.0.0.7: near miss: ssh: 2 of 3 steps`; filters of fail2ban and others know it by its beginning. */
export function describeNearMiss({ kind, source, door, stage, of }: NearMiss): string {
  const said = {
    'one step short': `${door}: ${stage} of ${of} steps`,
    trap: `${door}: touched a trap`,
    'port sweep': 'port sweep',
    unfinished: `${UNFINISHED} attempts within ${WINDOW_MINUTES} minutes opened nothing`,
  };
  return `${source}: near miss: ${said[kind]}`;
}

/** As `JSON.stringify` writes it, which takes several times as long. */
export function decisionJson({ time, event, door, host, source, stage }: Decision): string {
  const at = host === '' ? '' : `,"host":${hostText.of(host)}`;
  // No event and no address has anything to escape.
  return `{"time":"${isoTime(time)}","event":"${event}","door":${doorText.of(door)}${at},"source":"${source}","stage":${stage}}`;
}

/** The JSON of a name that is mostly the same as the last one. */
class NameText {
  #name = '';
  #text = '""';

  of(name: string): string {
    if (name !== this.#name) {
      this.#name = name;
      this.#text = JSON.stringify(name);
    }
    return this.#text;
  }
}

const [doorText, hostText] = [new NameText(), new NameText()];
