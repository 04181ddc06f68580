/** Parses the output of `iptables -S` into rules. */

/** The rules of one chain, in order, each without its `-A CHAIN`. */
export function rulesOf(text: string, chain: string): readonly (readonly string[])[] {
  return linesOf(text, chain).map(splitWords);
}

/** The rules of one chain, in order, each as the text behind its `-A CHAIN`. */
export function linesOf(text: string, chain: string): readonly string[] {
  const start = `-A ${chain} `;
  return text
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length));
}

/** The listing of a whole table, parted by chain. */
export function byChain(text: string): ReadonlyMap<string, string> {
  const chains = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, chain] = line.split(' ');
    if (chain !== undefined) chains.set(chain, `${chains.get(chain) ?? ''}${line}\n`);
  }
  return chains;
}

/** What stands between quotes, between blanks, or is a row of blanks. */
const PART = /"(?:[^"\\]|\\.)*"?|[^ "]+| +/g;

/**
 * iptables puts a word that is not plain in double quotes and a backslash before `"`, `\` and `'`
 * (xtables_save_string in libxtables/xtables.c).
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (const part of line.match(PART) ?? []) {
    if (part.startsWith(' ')) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      const text = part.startsWith('"') ? unquoted(part) : part;
      word = word === null ? text : word + text;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function unquoted(part: string): string {
  const text = part.length > 1 && part.endsWith('"') ? part.slice(1, -1) : part.slice(1);
  return text.includes('\\') ? text.replaceAll(/\\(.)/g, '$1') : text;
}
