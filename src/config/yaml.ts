/** Reads the text of a knock.yaml as data, or says what is wrong with it as YAML. */

import { CORE_SCHEMA, defineMappingTag, load, mapTag, mergeTag, YAMLException } from 'js-yaml';
import type { Problem } from './problem.ts';
import { likelyCause } from './yaml-cause.ts';

export type Read =
  | {
      readonly data: unknown;
      readonly problem: null;
      /** The keys of a map in the data, in the order of the text; of one made by `<<`, in that of its making. */
      keysOf(map: object): readonly string[];
    }
  | { readonly data?: never; readonly problem: Problem };

/** Of each map that was read. */
const keys = new WeakMap<object, string[]>();
const orderedMap = defineMappingTag<Record<string, unknown>>(mapTag.tagName, {
  // Without mapTag's own `finalize`, which would forbid a map to hold itself.
  create: mapTag.create,
  has: mapTag.has,
  keys: mapTag.keys,
  get: mapTag.get,
  identify: mapTag.identify,
  addPair: (map, key, value) => {
    const isNew = !mapTag.has(map, key);
    const refusal = mapTag.addPair(map, key, value);
    if (refusal !== '' || !isNew) return refusal;
    const known = keys.get(map);
    if (known === undefined) keys.set(map, [String(key)]);
    else known.push(String(key));
    return '';
  },
});
// With `<<`, by which a door takes over the keys of another.
const SCHEMA = CORE_SCHEMA.withTags(mergeTag, orderedMap);

/** An object has keys like `10` ahead of all others, so the order in which keys are written is kept beside it. */
export function readYaml(text: string): Read {
  try {
    return { data: load(text, { schema: SCHEMA }), problem: null, keysOf: (map) => keys.get(map) ?? [] };
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
