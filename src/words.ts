/** Decisions -> the lines of the log, for people and for programs. */

import type { Decision } from './model.ts';
import { isoTime } from './time.ts';

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

export function decisionJson({ time, event, door, source, stage }: Decision): string {
  return JSON.stringify({ time: isoTime(time), event, door, source, stage });
}
