/** Finds the likely cause of a YAML error, which is often not where the parser gave up. */

/** Counted from 0, as js-yaml counts. */
export interface Mark {
  readonly line: number;
  readonly column: number;
}

export interface Cause extends Mark {
  readonly text: string;
}

interface Scene extends Mark {
  readonly lines: readonly string[];
  /** The line that the parser gave up in, and what it had read of it by then. */
  readonly here: string;
  readonly read: string;
  readonly unread: string;
  /** The last line before it that holds more than a comment. */
  readonly above: { readonly text: string; readonly line: number } | null;
}

const ALSO = '(also check: a space after each colon, quotes around values that contain : or #)';
const LINE_UP = `indentation error: this key should line up with the one above it ${ALSO}`;
const LINE_UP_ITEM = `indentation error: this item should line up with the one above it ${ALSO}`;
/** What a value cannot begin with unless it is quoted. */
const SPECIAL_VALUE = /^(\s*(?:- +)*(?:[^\s#:"'][^:]*:\s+)?(?:\[\s*(?:[^\]]*,\s*)?)?)([%@`*&!|>])/;
const COMPLETE_KEY = /^\s*(?:- +)*[^\s#][^:]*:(?:\s|$)/;
const CROWDED_KEY = /^(\s*(?:- +)*["']?[\w-]+["']?:)[^\s:]/;

/** @param reason what js-yaml says */
export function likelyCause(text: string, reason: string, mark: Mark): Cause {
  const lines = text.split(/\r?\n/);
  const here = lines[mark.line] ?? '';
  const line = lines.findLastIndex((other, index) => index < mark.line && !/^\s*(#|$)/.test(other));
  const scene: Scene = {
    ...mark,
    lines,
    here,
    read: here.slice(0, mark.column),
    unread: here.slice(mark.column),
    above: line < 0 ? null : { text: lines[line] ?? '', line },
  };
  const found = CAUSES.find(([met]) => met.test(reason))?.[1](scene, text, reason) ?? null;
  return found ?? { ...mark, text: `${reason}, check the indentation, the brackets and the quotes ${ALSO}` };
}

type Finder = (scene: Scene, text: string, reason: string) => Cause | null;

/** What a text says of its own place. */
const says =
  (text: string): Finder =>
  ({ line, column }) => ({ line, column, text });

const CAUSES: readonly (readonly [met: RegExp, find: Finder])[] = [
  [/^tab characters/, says('a tab in the indentation, indent with spaces')],
  [/^duplicated mapping key/, says('duplicated mapping key, write each key once')],
  [
    /^null byte|non-printable/,
    (scene, _, reason) => says(`${reason}, write the file as plain text in UTF-8`)(scene, _, reason),
  ],
  [
    /^cannot merge/,
    (scene, _, reason) => says(`${reason}, merge a map or a list of maps, such as *NAME`)(scene, _, reason),
  ],
  [
    /^unidentified alias/,
    (scene, _, reason) =>
      says(`${reason}, put a value that begins with * in quotes, or define &NAME further up`)(
        scene,
        _,
        reason,
      ),
  ],
  [
    /^unknown (scalar|mapping|sequence) tag|^undeclared tag|^tag |explicit tag/,
    says('a value that begins with ! must be in quotes'),
  ],
  [/^name of an a|^a line break is expected/, specialValue],
  [/^directive|^unacceptable YAML|YAML directive/, says('a line cannot begin with %, put it in quotes')],
  [
    /^unknown escape|hexadecimal/,
    says('in double quotes \\ begins an escape: write \\\\, or use single quotes'),
  ],
  [/^missed comma/, says('a comma is missing between the entries')],
  [/^deficient indentation|^unexpected end/, unclosed],
  [/^can not read a block mapping entry/, ({ above }) => (above === null ? null : keyWithoutValue(above))],
  [/^expected ':'/, ({ here, line }) => keyWithoutValue({ text: here, line })],
  [/^bad indentation/, misplaced],
];

/** A line that begins a key and is none. */
function keyWithoutValue({ text, line }: { readonly text: string; readonly line: number }): Cause {
  const indent = text.length - text.trimStart().length;
  const [, crowded] = CROWDED_KEY.exec(text) ?? [];
  if (crowded !== undefined)
    return { line, column: crowded.length, text: 'a space is missing after the colon' };
  if (/^\s*[\w-]+\s*=/.test(text))
    return {
      line,
      column: text.indexOf('='),
      text: 'write "key: value", with a colon and a space instead of =',
    };
  return { line, column: indent, text: 'a colon and a space are missing after this key' };
}

function specialValue({ here, line }: Scene): Cause | null {
  const [, before = '', sign] = SPECIAL_VALUE.exec(here) ?? [];
  if (sign === undefined) return null;
  return { line, column: before.length, text: `a value that begins with ${sign} must be in quotes` };
}

function misplaced(scene: Scene): Cause | null {
  const { line, column, here, read, unread, above } = scene;
  const indent = here.length - here.trimStart().length;
  if (/^[}\]]/.test(unread)) return { line, column, text: `one ${unread[0] ?? ''} too many` };
  if (/(^|\s)[^\s#:][^:]*:\s+("[^"]*"|'[^']*')\s*$/.test(read))
    return { line, column, text: 'text after the closing quote, put the whole value in one pair of quotes' };
  if (COMPLETE_KEY.test(read) && /^:(\s|$)/.test(unread))
    return {
      line,
      column,
      text: 'two colons in one line: put the value in quotes, or start a new line after the first colon',
    };
  const special = specialValue(scene);
  if (special !== null) return special;
  if (above !== null && CROWDED_KEY.test(above.text) && !COMPLETE_KEY.test(above.text))
    return keyWithoutValue(above);
  return { line, column: indent, text: here.trimStart().startsWith('- ') ? LINE_UP_ITEM : LINE_UP };
}

/** The bracket or quote that is still open where the parser gave up. */
function unclosed({ line, column }: Scene, text: string): Cause | null {
  const lines = text.split('\n').slice(0, line + 1);
  const end = lines.slice(0, -1).reduce((sum, each) => sum + each.length + 1, 0) + column;
  const open = openAt(text.slice(0, end));
  if (open === null) return null;
  const before = text.slice(0, open.index);
  const place = { line: before.split('\n').length - 1, column: open.index - before.lastIndexOf('\n') - 1 };
  if (open.sign === '"' || open.sign === "'") return { ...place, text: 'this quote is never closed' };
  const closer = open.sign === '[' ? ']' : '}';
  const isInComment =
    text
      .slice(open.index)
      .split('\n')[0]
      ?.match(/\s#(.*)/)?.[1]
      ?.includes(closer) ?? false;
  const hint = isInComment ? ' (what follows # is a comment)' : '';
  return { ...place, text: `this ${open.sign} is never closed, add a ${closer}${hint}` };
}

/** The innermost bracket or quote that is open at the end of a text. */
function openAt(text: string): { readonly sign: string; readonly index: number } | null {
  const brackets: { sign: string; index: number }[] = [];
  let quote: { sign: string; index: number } | null = null;
  // A quote or a bracket in the middle of a word is a letter like any other.
  let mayBegin = true;
  for (let index = 0; index < text.length; index++) {
    const sign = text[index] ?? '';
    if (quote !== null) {
      if (quote.sign === '"' && sign === '\\') index++;
      else if (sign === quote.sign && text[index + 1] === sign && sign === "'") index++;
      else if (sign === quote.sign) quote = null;
      continue;
    }
    if (sign === '#' && /(^|\s)$/.test(text[index - 1] ?? '')) {
      const lineEnd = text.indexOf('\n', index);
      if (lineEnd < 0) break;
      index = lineEnd - 1;
      continue;
    }
    if (mayBegin && (sign === '"' || sign === "'")) quote = { sign, index };
    else if ((mayBegin || brackets.length > 0) && (sign === '[' || sign === '{'))
      brackets.push({ sign, index });
    else if (sign === ']' || sign === '}') brackets.pop();
    const isBlank = /\s/.test(sign);
    const isSeparator =
      sign === '\n' || sign === '[' || sign === '{' || (brackets.length > 0 && sign === ',');
    if (isSeparator || (isBlank && /[:\-?]/.test(text[index - 1] ?? ''))) mayBegin = true;
    else if (!isBlank) mayBegin = false;
  }
  return quote ?? brackets.at(-1) ?? null;
}
