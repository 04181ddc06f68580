/** Parses the text of a file of one-time sequences, and returns it with one marked as used. */

import type { Sequence } from '../model.ts';
import { readSequence } from './knockd-values.ts';

/** One line of the file. */
export interface OneTime {
  /** As it stands there, line end and all. */
  readonly line: string;
  readonly sequence: Sequence;
}

export interface BadLine {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

/** What is marked is a comment to knockd, too. */
const MARK = '#';

/** Reads knockd's format: a sequence a line, `#` ahead of used ones and comments. Lines that are none are skipped. */
export function readOneTime(text: string): {
  readonly left: readonly OneTime[];
  readonly bad: readonly BadLine[];
} {
  const left: OneTime[] = [];
  const bad: BadLine[] = [];
  linesOf(text).forEach((line, index) => {
    const words = line.trim();
    if (words === '' || words.startsWith(MARK)) return;
    const read = readSequence(words);
    // knockd takes text that is no number for port 0, which nobody knocks on: the file would be stuck there.
    const problem = read.value?.some((step) => step.proto !== 'icmp' && step.port === 0)
      ? `not a sequence (${words}), write ports from 1 to 65535`
      : read.problem;
    if (read.value !== null && problem === null) left.push({ line, sequence: read.value });
    else bad.push({ line: index + 1, text: problem ?? '' });
  });
  return { left, bad };
}

/**
 * The text with these lines made comments, by a mark ahead of each: knockd puts its mark over the first
 * character, and eats a digit where a line begins with one. A line that is gone needs none.
 */
export function markUsed(text: string, used: readonly OneTime[]): string {
  const wanted = used.map(({ line }) => line);
  return linesOf(text)
    .map((line) => {
      const at = wanted.indexOf(line);
      if (at < 0) return line;
      wanted.splice(at, 1);
      return MARK + line;
    })
    .join('');
}

/** The sequences of one door, each of which opens it once, in their order. */
export class OneTimeSequences {
  #left: readonly OneTime[] = [];
  #live: readonly Sequence[] = [];
  #unmarked: readonly OneTime[] = [];

  /** What opens the door now; the same array until that changes. */
  get live(): readonly Sequence[] {
    return this.#live;
  }

  /** The sequence has opened the door, and does so no more, whether or not it can be marked. */
  use(sequence: Sequence): void {
    const [head, ...rest] = this.#left;
    if (head === undefined || head.sequence !== sequence) return;
    this.#unmarked = [...this.#unmarked, head];
    this.#setLeft(rest);
  }

  /** Those that were used and are not marked in the file yet. */
  get unmarked(): readonly OneTime[] {
    return this.#unmarked;
  }

  /** These are marked in the file now. */
  marked(used: readonly OneTime[]): void {
    this.#unmarked = this.#unmarked.filter((each) => !used.includes(each));
  }

  /** Takes over what the file says is left, less what was used and is not marked there. */
  refill(left: readonly OneTime[]): void {
    this.#setLeft(this.#unused(left));
  }

  /** Whether taking over what the file says would change nothing. */
  isAsIn(left: readonly OneTime[]): boolean {
    const lines = (each: readonly OneTime[]): string => each.map(({ line }) => line).join('');
    return lines(this.#unused(left)) === lines(this.#left);
  }

  #unused(left: readonly OneTime[]): readonly OneTime[] {
    const unmarked = this.#unmarked.map(({ line }) => line);
    return left.filter(({ line }) => {
      const at = unmarked.indexOf(line);
      if (at >= 0) unmarked.splice(at, 1);
      return at < 0;
    });
  }

  #setLeft(left: readonly OneTime[]): void {
    const [head] = left;
    // Attempts at a sequence live as long as its array.
    const same = head !== undefined && head.line === this.#left[0]?.line ? this.#left[0] : head;
    this.#left = same === undefined ? [] : [same, ...left.slice(1)];
    if (this.#live[0] !== same?.sequence) this.#live = same === undefined ? [] : [same.sequence];
  }
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
