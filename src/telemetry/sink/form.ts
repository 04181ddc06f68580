/** Writes what the daemon says as a line: with its time, with a journal's priority, stamped as knockd's, or as JSON. */

import { jsonLine } from '../../lib/printable.ts';
import { localTime } from '../../lib/time.ts';
import { US_PER_MS } from '../../model.ts';
import { type Form, withLevel } from '../log.ts';

/** sd-daemon(3): the priority of syslog, in angle brackets ahead of a line. */
const PRIORITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const;

/** The same with its priority ahead of it, which the journal takes off. */
export function prioritised(form: Form): Form {
  return (level, text, facts) => `<${PRIORITIES[level]}>${form(level, text, facts)}`;
}

/** `2026-11-21 21:14:30 text`, in local time, for a console. */
export function timed(now: () => Date): Form {
  return (level, text) => `${localTime(now().getTime() * US_PER_MS)} ${withLevel(level, text)}`;
}

/** One object a line: `{"time","level","message"}` and what else is known. */
export function asJson(now: () => Date): Form {
  return (level, message, facts) => jsonLine({ time: now().toISOString(), level, message, ...(facts ?? {}) });
}

/** `[YYYY-MM-DD HH:MM] text`, in local time, as knockd writes its log file. */
export function stamped(now: () => Date): Form {
  return (level, text) => `[${stamp(now())}] ${withLevel(level, text)}`;
}

function stamp(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
