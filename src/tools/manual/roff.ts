/** Formats sections as a man page in roff. */

export interface Page {
  readonly name: string;
  readonly section: 1 | 5;
  readonly version: string;
  /** What it is, in a few words. */
  readonly summary: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** A part of a section: some text, a heading below that of the section, a term with its meaning, lines as they are. */
export type Block =
  | { readonly kind: 'text' | 'heading'; readonly text: string }
  | { readonly kind: 'term'; readonly term: string; readonly text: string }
  | { readonly kind: 'lines'; readonly lines: readonly string[] };

export function roffOf({ name, section, version, summary, sections }: Page): string {
  const title = `.TH "${name.toUpperCase()}" ${section} "" "knocktail ${version}" "knocktail"`;
  const named = { title: 'NAME', blocks: [] };
  return [
    title,
    // No page of ours is set in two columns of even width.
    '.ad l',
    '.nh',
    headOf(named),
    `${escaped(name)} \\- ${escaped(summary)}`,
    ...sections.flatMap((each) => [headOf(each), ...each.blocks.flatMap(linesOf)]),
    '',
  ].join('\n');
}

function headOf({ title }: Section): string {
  return `.SH ${title}`;
}

function linesOf(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return ['.PP', ...textOf(block.text)];
    case 'heading':
      return [`.SS ${escaped(block.text)}`];
    case 'term':
      return ['.TP', `.B ${strict(block.term)}`, ...textOf(block.text)];
    case 'lines':
      return ['.PP', '.RS 4', '.nf', ...block.lines.map((line) => guarded(strict(line))), '.fi', '.RE'];
  }
}

function textOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => guarded(escaped(line.trim())));
}

/** A dot or an apostrophe at the beginning of a line would be a request. */
function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('`', '')
    .replace(
      /(^|\s|\(|\[)(--?)(?=\w)/g,
      (_, before: string, dashes: string) => before + '\\-'.repeat(dashes.length),
    );
}

/** What is to be typed: every dash a minus. */
function strict(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga');
}
