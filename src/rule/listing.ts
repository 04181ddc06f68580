/** The text of `iptables -S` -> the rules of a chain as words. */

/** The rules of one chain, in order, each without its `-A CHAIN`. */
export function rulesOf(text: string, chain: string): readonly (readonly string[])[] {
  const rules: string[][] = [];
  for (const line of text.split('\n')) {
    const [command, name, ...spec] = splitWords(line);
    if (command === '-A' && name === chain) rules.push(spec);
  }
  return rules;
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

/**
 * iptables puts a word that is not plain in double quotes and a backslash before `"`, `\` and `'`
 * (xtables_save_string in libxtables/xtables.c).
 */
function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let inQuotes = false;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line.charAt(at);
    if (letter === '"') {
      inQuotes = !inQuotes;
      word ??= '';
    } else if (letter === '\\' && inQuotes) {
      at += 1;
      word += line.charAt(at);
    } else if (letter === ' ' && !inQuotes) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (word !== null) words.push(word);
  return words;
}
