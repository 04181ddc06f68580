/** Describes what happened to a log. */

import type { LineEvent } from '../model.ts';
import { LINE_CAP_BYTES } from './line-splitter.ts';

export type Notice = Extract<LineEvent, { readonly kind: 'notice' }>;

/** What a person should know; no line is missing for it. */
export function told(text: string): Notice {
  return { kind: 'notice', text, lost: false };
}

/** What a person should know of who else could write lines; none is missing for it. */
export function doubted(text: string): Notice {
  return { ...told(text), isDoubt: true };
}

/** What a person should know since lines may be missing for it. */
export function lost(text: string): Notice {
  return { kind: 'notice', text, lost: true };
}

/** The same where it is known how many are missing. */
export function lostLines(text: string, lines: number): Notice {
  return { ...lost(text), lines };
}

export function lostOverlong(where: string, count: number): Notice {
  const lines = count === 1 ? 'a line' : `${count} lines`;
  return lost(`${where}: left out ${lines} of more than ${LINE_CAP_BYTES / 1024} KiB`);
}
