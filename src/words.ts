/** What happens -> the lines of the log, in our words or knockd's, and JSON for programs. */

import type { Address, Decision } from './model.ts';
import { type NearMiss, UNFINISHED, WINDOW_MINUTES } from './near-misses.ts';
import { isoTime } from './time.ts';

/** What is said differently where scripts and filters expect the words of knockd 0.8 (observed). */
export interface Words {
  /** Null for what is not told. */
  decision(decision: Decision): string | null;
  /** What a line on a command begins with. */
  commandOf(door: string, source: Address): string;
  /** Null where the line that says `ready` will do. */
  started(interfaceName: string | null): string | null;
  reloaded(path: string): string;
}

export function wordsFor(compat: 'none' | 'knockd'): Words {
  return compat === 'knockd' ? KNOCKD : KNOCKTAIL;
}

const KNOCKTAIL: Words = {
  decision: describe,
  commandOf: (door, source) => `${source}: ${door}`,
  started: () => null,
  reloaded: (path) => `reloaded ${path}`,
};

const KNOCKD: Words = {
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

export function decisionJson({ time, event, door, host, source, stage }: Decision): string {
  return JSON.stringify({
    time: isoTime(time),
    event,
    door,
    ...(host === '' ? {} : { host }),
    source,
    stage,
  });
}
