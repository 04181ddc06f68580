/** Finds statements in a log that lines are missing. */

import { LF } from './bytes.ts';

export interface Loss {
  /** The words of whoever left lines out. */
  readonly text: string;
  /** How many, as they say; 0 where they do not. */
  readonly count: number;
}

/** What these lines have in common, to be found in a batch; and then what they say. */
const SIGNS: readonly (readonly [sign: Buffer, said: RegExp])[] = [
  // net/core/utils.c and lib/ratelimit.c of the kernel
  [Buffer.from(' callbacks suppressed'), /(\d+) callbacks suppressed/],
  // rsyslog: imuxsock, imjournal
  [
    Buffer.from('rate-limiting'),
    /(?:lost (\d+) messages|(\d+) messages lost|begin to drop messages).*due to rate-limiting/,
  ],
  // journald, which never suppresses what the kernel says
  [Buffer.from('Missed '), /Missed (\d+) kernel messages/],
  // rsyslog and others; it is how often the line before, or the one in brackets, was left out
  [Buffer.from('message repeated '), /(?<=\b(?:last|kernel\b.*) )message repeated (\d+) times/],
];

/** @param bytes whole lines, each ending in LF */
export function lossesIn(bytes: Buffer): Loss[] {
  return SIGNS.flatMap(([sign, said]) => {
    const losses: Loss[] = [];
    for (let at = bytes.indexOf(sign); at >= 0; ) {
      const start = bytes.lastIndexOf(LF, at) + 1;
      const lineEnd = bytes.indexOf(LF, at);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      const [text, ...counts] = said.exec(bytes.toString('latin1', start, end)) ?? [];
      if (text !== undefined)
        losses.push({ text, count: Number(counts.find((count) => count !== undefined) ?? 0) });
      at = bytes.indexOf(sign, end);
    }
    return losses;
  });
}
