/** Quotes arguments for a shell. */

/** Letters that no shell reads as anything else. */
const PLAIN = /^[A-Za-z0-9_./:=@,+-]+$/;
const PLAIN_AND_SPACE = /^[A-Za-z0-9_./:=@,+ -]+$/;

/** A command line as a person would type it. A shell reads it as these words; what we run ourselves needs none. */
export function commandLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  // A lone ! is what iptables negates a match with.
  if (PLAIN.test(word) || word === '!') return word;
  if (PLAIN_AND_SPACE.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
