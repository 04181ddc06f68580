/** Splits the text of a knockd.conf into sections and their entries, by the grammar of knockd 0.8 (observed). */

export interface Entry {
  /** In upper case: knockd does not care. */
  readonly key: string;
  /** What stands after the first `=`; null where there is none. */
  readonly value: string | null;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** The comments that stand ahead of it, `#` included. */
  readonly comments: readonly string[];
}

export interface Section {
  readonly name: string;
  readonly line: number;
  readonly comments: readonly string[];
  readonly entries: readonly Entry[];
}

export interface KnockdText {
  readonly sections: readonly Section[];
  /** Entries ahead of the first section. */
  readonly strays: readonly Entry[];
  /** Comments after the last entry. */
  readonly comments: readonly string[];
}

/** Whether a configuration is in knockd's form: it has a `[section]` and none of the keys that knock.yaml must have. */
export function isKnockdText(text: string): boolean {
  return /^[ \t]*\[.*\][ \t\r]*$/m.test(text) && !/^["']?doors["']?\s*:/m.test(text);
}

/**
 * Reads lines one by one: blanks at both ends go, `#` begins a comment at the start of a line alone, `[name]`
 * begins a section, whatever the name is.
 */
export function readKnockdText(text: string): KnockdText {
  const sections: (Section & { readonly entries: Entry[] })[] = [];
  const strays: Entry[] = [];
  let comments: string[] = [];
  text.split('\n').forEach((raw, index) => {
    // To C a line ends at a zero byte.
    const [line = ''] = raw.split('\0').map((part) => part.trim());
    if (line.startsWith('#')) comments.push(line);
    if (line === '' || line.startsWith('#')) return;
    const above = { line: index + 1, comments };
    comments = [];
    if (line.startsWith('[') && line.endsWith(']')) {
      sections.push({ name: line.slice(1, -1), ...above, entries: [] });
      return;
    }
    const [key = '', ...rest] = line.split('=');
    const entry = {
      key: key.trim().toUpperCase(),
      value: rest.length === 0 ? null : rest.join('=').trim(),
      ...above,
      column: raw.length - raw.trimStart().length + 1,
    };
    (sections.at(-1)?.entries ?? strays).push(entry);
  });
  return { sections, strays, comments };
}
