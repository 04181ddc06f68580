/** Finds the known key that a wrong one was most likely meant to be. */

/** As commander has it for commands and options. */
const MOST_EDITS = 3;
const LEAST_SIMILARITY = 0.4;

/** `did you mean seq_timeout? known here: ...`; without the question where none is near. */
export function keyAdvice(key: string, known: readonly string[]): string {
  const right = `known here: ${known.join(', ')}`;
  const [, name = ''] = /^([\w-]+):./.exec(key) ?? [];
  if (known.includes(name)) return `put a space after the colon of ${name}: ${right}`;
  // `command` and `timeout` are short for others.
  const longer = known.filter((name) => name.endsWith(`_${key.toLowerCase()}`));
  const [meant, other] = longer.length > 0 ? longer : nearest(key, known);
  if (meant === undefined) return right;
  return `did you mean ${other === undefined ? meant : `${meant} or ${other}`}? ${right}`;
}

/** The candidates that are nearest to a word, the best of them alone; none where it is like none. */
export function nearest(word: string, candidates: readonly string[]): string[] {
  const plain = plainOf(word);
  const near = candidates.flatMap((candidate) => {
    const other = plainOf(candidate);
    const longest = Math.max(plain.length, other.length);
    // Such a word is near to none, and may be of any length.
    if (Math.abs(plain.length - other.length) > MOST_EDITS) return [];
    const distance = edits(plain, other);
    return distance <= MOST_EDITS && (longest - distance) / longest > LEAST_SIMILARITY
      ? [{ candidate, distance }]
      : [];
  });
  const least = Math.min(...near.map(({ distance }) => distance));
  return near.flatMap(({ candidate, distance }) => (distance === least ? [candidate] : []));
}

/** `seqTimeout` and `seq-timeout` are `seq_timeout` but for the spelling. */
function plainOf(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function edits(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
