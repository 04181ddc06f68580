/** The text of knock.yaml -> Config, or every problem in it with its line and column. */

import { load, YAMLException } from 'js-yaml';
import type { z } from 'zod';
import { type Path, type Position, type Positions, positionsIn } from './positions.ts';
import { type Config, schema } from './schema.ts';

export interface Problem extends Position {
  /** What is wrong, the value, and what would be right. */
  readonly text: string;
}

export type Loaded =
  | { readonly config: Config; readonly problems: null }
  | { readonly config: null; readonly problems: readonly Problem[] };

/** Reads a configuration. Problems come in the order of the lines. */
export function loadConfig(text: string): Loaded {
  let data: unknown;
  try {
    data = load(text);
  } catch (error) {
    if (error instanceof YAMLException) return { config: null, problems: [syntaxProblem(error)] };
    throw error;
  }
  const parsed = schema.safeParse(data);
  const loose = looseEnds(data);
  if (parsed.success && loose.length === 0) return { config: parsed.data, problems: null };
  const positions = positionsIn(text);
  const problems = [...(parsed.error?.issues ?? []).flatMap((issue) => problemsOf(issue, positions))];
  for (const { path, text } of loose) problems.push({ ...positions.value(path), text });
  return { config: null, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

function syntaxProblem({ mark, reason }: YAMLException): Problem {
  if (mark !== undefined && mark !== null)
    return { line: mark.line + 1, column: mark.column + 1, text: reason };
  const empty = reason.includes('input is empty');
  return {
    line: 1,
    column: 1,
    text: empty ? 'the file is empty, write at least one door under doors:' : reason,
  };
}

function problemsOf(issue: z.core.$ZodIssue, positions: Positions): Problem[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...positions.key([...path, key]),
      text: `unknown key (${[...path, key].map(String).join('.')}), ${message}`,
    }));
  }
  if (issue.code === 'invalid_key') {
    return [{ ...positions.key(path), text: issue.issues[0]?.message ?? message }];
  }
  const place = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  return [{ ...positions.value(path), text: `${place}${message}` }];
}

/** What a schema cannot see: a door that closes another must name one that opens. */
function looseEnds(data: unknown): { readonly path: Path; readonly text: string }[] {
  const doors = field(data, 'doors');
  if (typeof doors !== 'object' || doors === null) return [];
  return Object.entries(doors).flatMap(([name, door]) => {
    const target = field(door, 'close');
    if (typeof target !== 'string' || field(field(doors, target), 'open') !== undefined) return [];
    const opening = Object.entries(doors).flatMap(([other, it]) =>
      field(it, 'open') === undefined ? [] : [other],
    );
    const right = opening.length === 0 ? 'give some door an open:' : `write one of ${opening.join(', ')}`;
    return [
      {
        path: ['doors', name, 'close'],
        text: `doors.${name}.close: not a door that opens (${target}), ${right}`,
      },
    ];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}
