/** Writes the man page sections of knock.yaml from its JSON Schema. */

import type { Block, Section } from './roff.ts';

/** What this page makes use of. */
export interface KeySchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | boolean;
  readonly anyOf?: readonly KeySchema[];
  readonly allOf?: readonly KeySchema[];
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, KeySchema>>;
}

export interface Key {
  /** As `log.prefix`; the keys of a door are those of `doors.NAME`. */
  readonly path: string;
  readonly schema: KeySchema;
}

/** Every key that knock.yaml may have, in the order of the schema. */
export function keysOf(root: KeySchema): readonly Key[] {
  const walk = (schema: KeySchema, path: string): Key[] =>
    keysIn(formOf(schema, root)).flatMap(([key, value]) => [
      { path: `${path}${key}`, schema: value },
      ...walk(value, `${path}${key}.`),
    ]);
  return walk(root, '');
}

export function keySections(root: KeySchema): readonly Section[] {
  const terms = keysOf(root).map(
    ({ path, schema }): Block => ({ kind: 'term', term: path, text: meaningOf(schema) }),
  );
  return [{ title: 'KEYS', blocks: terms }];
}

function meaningOf({ description = '', enum: choices, default: preset }: KeySchema): string {
  const notes = [
    ...(choices === undefined ? [] : [`One of ${choices.join(', ')}.`]),
    ...(preset === undefined || typeof preset === 'object'
      ? []
      : [`The default is ${JSON.stringify(preset)}.`]),
  ];
  return [description, ...notes].join(' ');
}

function keysIn({
  properties = {},
  additionalProperties,
}: KeySchema): readonly (readonly [string, KeySchema])[] {
  const isOpen = typeof additionalProperties === 'object';
  return [...Object.entries(properties), ...(isOpen ? [['NAME', additionalProperties] as const] : [])];
}

/** A value that may be one map or a list of them has the keys of the one. */
function formOf(schema: KeySchema, root: KeySchema): KeySchema {
  const form = schema.allOf?.[0] ?? schema.anyOf?.[0];
  if (schema.properties === undefined && form !== undefined) return formOf(form, root);
  const name = /^#\/definitions\/(.+)$/.exec(schema.$ref ?? '')?.[1];
  return name === undefined ? schema : (root.definitions?.[name] ?? schema);
}
