/** The text of a knock.yaml -> what it says as data, or what is wrong with it as YAML. */

import { CORE_SCHEMA, load, mergeTag, YAMLException } from 'js-yaml';
import type { Problem } from './problem.ts';

export type Read =
  | { readonly data: unknown; readonly problem: null }
  | { readonly data?: never; readonly problem: Problem };

/** With `<<`, by which a door takes over the keys of another. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

/** js-yaml tells what it met, and not what to do about it. */
const REMEDIES: readonly (readonly [met: RegExp, remedy: string])[] = [
  [/^tab characters/, 'indent by blanks'],
  [/^duplicated mapping key/, 'write each key once'],
  [/^null byte|non-printable/, 'write it as plain text in UTF-8'],
  [/^cannot merge/, 'take over a map, or a list of maps, such as *NAME'],
  [/^unidentified alias/, 'give it an anchor (&NAME) further up, or put it in quotes'],
];
const USUAL_REMEDY =
  'see the indentation and the brackets, put a blank behind each colon, and quotes around what holds a : or #';

export function readYaml(text: string): Read {
  try {
    return { data: load(text, { schema: SCHEMA }), problem: null };
  } catch (error) {
    if (error instanceof YAMLException) return { problem: problemOf(error) };
    throw error;
  }
}

/**
 * The line itself is not quoted: it may hold a sequence, and a daemon tells this to its log. Where there is no document,
 * or another one, js-yaml knows no place.
 */
function problemOf({ mark, reason }: YAMLException): Problem {
  if (mark === undefined || mark === null) {
    return {
      line: 1,
      column: 1,
      text: reason.includes('input is empty')
        ? 'the file is empty, write at least one door under doors:'
        : `${reason}, take out the line --- between the two`,
    };
  }
  const [, remedy] = REMEDIES.find(([met]) => met.test(reason)) ?? [null, USUAL_REMEDY];
  return { line: mark.line + 1, column: mark.column + 1, text: `${reason}, ${remedy}` };
}
