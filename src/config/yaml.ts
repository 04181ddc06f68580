/** Reads the text of a knock.yaml as data, or says what is wrong with it as YAML. */

import { CORE_SCHEMA, load, mergeTag, YAMLException } from 'js-yaml';
import type { Problem } from './problem.ts';
import { likelyCause } from './yaml-cause.ts';

export type Read =
  | { readonly data: unknown; readonly problem: null }
  | { readonly data?: never; readonly problem: Problem };

/** With `<<`, by which a door takes over the keys of another. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);

export function readYaml(text: string): Read {
  try {
    return { data: load(text, { schema: SCHEMA }), problem: null };
  } catch (error) {
    if (error instanceof YAMLException) return { problem: problemOf(error, text) };
    throw error;
  }
}

/**
 * Does not quote the line: it may hold a sequence, and the daemon logs this. Where there is no document, or a second one,
 * js-yaml knows no place.
 */
function problemOf({ mark, reason }: YAMLException, text: string): Problem {
  if (mark === undefined || mark === null) {
    return {
      line: 1,
      column: 1,
      text: reason.includes('input is empty')
        ? 'the file is empty, write at least one door under doors:'
        : `${reason}, take out the line --- between the two`,
    };
  }
  const cause = likelyCause(text, reason, mark);
  return { line: cause.line + 1, column: cause.column + 1, text: cause.text };
}
