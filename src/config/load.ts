/** Loads knock.yaml or knockd.conf as a Config, or lists every problem with its line and column. */

import type { z } from 'zod';
import { loadKnockdConf } from './knockd-conf.ts';
import { isKnockdText } from './knockd-text.ts';
import { type Path, type Position, type Positions, positionsIn } from './positions.ts';
import { idleTimeout, inOrder, type Loaded, type Problem } from './problem.ts';
import { type Config, schema } from './schema.ts';
import { show } from './show.ts';
import { MAX_IPTABLES_PREFIX, wrongDoorName } from './values.ts';
import { readYaml } from './yaml.ts';

/** Of the doors that could be meant. */
const MOST_NAMED = 10;

/** A problem at a key or its value. */
interface Loose {
  readonly at: 'key' | 'value';
  readonly path: Path;
  readonly text: string;
}

/** Reads a configuration. Problems come in the order of the lines. */
export function loadConfig(text: string): Loaded {
  const loaded = isKnockdText(text) ? loadKnockdConf(text) : loadYaml(text);
  if (loaded.problems !== null) return loaded;
  const shared = sharedFiles(loaded.config).map(({ door, text }) => ({ ...loaded.placeOf(door), text }));
  return shared.length === 0 ? loaded : { config: null, problems: inOrder(shared) };
}

function loadYaml(text: string): Loaded {
  const read = readYaml(text);
  if (read.problem !== null) return { config: null, problems: [read.problem] };
  const { data } = read;
  const parsed = schema.safeParse(data);
  const loose = looseEnds(data);
  const positions = positionsIn(text);
  if (parsed.success && loose.length === 0) {
    const placeOf = (door: string): Position => positions.key(['doors', door]);
    const warnings = inOrder([...oddities(data, positions), ...vain(data, parsed.data, positions)]);
    const config = { ...parsed.data, doors: asWritten(parsed.data.doors, read.keysOf(doorsOf(data))) };
    return { config, problems: null, warnings, placeOf };
  }
  const problems = [...(parsed.error?.issues ?? []).flatMap((issue) => problemsOf(issue, positions))];
  for (const { at, path, text } of loose) problems.push({ ...positions[at](path), text });
  return { config: null, problems: inOrder(problems) };
}

function problemsOf(issue: z.core.$ZodIssue, positions: Positions): Problem[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    const advice = message.split('\n');
    return issue.keys.map((key, index) => ({
      ...positions.key([...path, key]),
      text: `unknown key (${[...path, key].map(String).join('.')}), ${advice[index] ?? ''}`,
    }));
  }
  const nearest = issue.code === 'invalid_union' ? nearestOf(issue.errors) : [];
  if (nearest.length > 0) {
    return nearest.flatMap((inner) => problemsOf({ ...inner, path: [...path, ...inner.path] }, positions));
  }
  if (issue.code === 'invalid_key') {
    return [{ ...positions.key(path), text: issue.issues[0]?.message ?? message }];
  }
  const place = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  return [{ ...positions.value(path), text: `${place}${message}` }];
}

/** Of several forms, the problems of the one that was meant: that of which more than the outside fits. */
function nearestOf(forms: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const isInside = ({ path, code }: z.core.$ZodIssue): boolean =>
    path.length > 0 || code === 'unrecognized_keys';
  return forms.find((issues) => issues.some(isInside)) ?? [];
}

/** The doors in the order in which they are written, whatever they are called. */
function asWritten(doors: Config['doors'], names: readonly string[]): Config['doors'] {
  return new Map(
    names.flatMap((name) => {
      const door = doors.get(name);
      return door === undefined ? [] : [[name, door]];
    }),
  );
}

function doorsOf(data: unknown): object {
  const doors = field(data, 'doors');
  return typeof doors === 'object' && doors !== null ? doors : {};
}

/** What a schema cannot see: a door that closes another must name one that opens; and zod leaves a door out that is called `__proto__`. */
function looseEnds(data: unknown): Loose[] {
  const doors = doorsOf(data);
  const unseen = '__proto__';
  const found: Loose[] = Object.hasOwn(doors, unseen)
    ? [{ at: 'key', path: ['doors', unseen], text: wrongDoorName(unseen) }]
    : [];
  const opening = Object.entries(doors).flatMap(([name, door]) =>
    field(door, 'open') === undefined ? [] : [name],
  );
  const shown = [...opening.slice(0, MOST_NAMED), ...(opening.length > MOST_NAMED ? ['...'] : [])];
  const right = opening.length === 0 ? 'give some door an open:' : `write one of ${shown.join(', ')}`;
  for (const [name, door] of Object.entries(doors)) {
    const target = field(door, 'close');
    if (typeof target !== 'string' || field(field(doors, target), 'open') !== undefined) continue;
    found.push({
      at: 'value',
      path: ['doors', name, 'close'],
      text: `doors.${name}.close: not a door that opens (${show(target)}), ${right}`,
    });
  }
  return found;
}

/** What is likely not meant so. */
function oddities(data: unknown, positions: Positions): Problem[] {
  const log = field(data, 'log');
  const logs: readonly (readonly [Path, unknown])[] = Array.isArray(log)
    ? log.map((each, index) => [['log', index], each])
    : [[['log'], log]];
  const paths = logs.flatMap(([path, each]) => {
    const from = field(each, 'from') ?? 'file';
    if (from === 'file' || field(each, 'path') === undefined) return [];
    const text = `${path.join('.')}.path does not count beside from: ${from}, write from: file or leave it out`;
    return [{ ...positions.key([...path, 'path']), text }];
  });
  const metrics = field(data, 'metrics');
  if (typeof metrics !== 'string' || metrics.endsWith('.prom')) return paths;
  const text = `metrics: node exporter passes over this name (${metrics}), write one that ends in .prom`;
  return inOrder([...paths, { ...positions.value(['metrics']), text }]);
}

/** What is accepted and comes to nothing. */
function vain(data: unknown, { doors, firewall, logs }: Config, positions: Positions): Problem[] {
  const found: Problem[] = [];
  for (const [name, { stopCommand, stopCommand6 }] of doors) {
    const door = field(field(data, 'doors'), name);
    if (field(door, 'cmd_timeout') === undefined || stopCommand || stopCommand6) continue;
    found.push({ ...positions.key(['doors', name, 'cmd_timeout']), text: idleTimeout(name) });
  }
  const isList = Array.isArray(field(data, 'log'));
  for (const [index, { prefix, format, maxAgeUs }] of logs.entries()) {
    const path = isList ? ['log', index] : ['log'];
    const most = MAX_IPTABLES_PREFIX[format === 'ulogd' ? 'ulogd' : 'kernel'];
    const bytes = Buffer.byteLength(prefix);
    if (firewall.backend === 'iptables' && bytes > most) {
      const text = `iptables writes at most ${most} bytes of a prefix (this has ${bytes}), shorten it or log with nft rules`;
      found.push({ ...positions.value([...path, 'prefix']), text: `${path.join('.')}.prefix: ${text}` });
    }
    if (maxAgeUs === 0) {
      const text = 'every knock is older than 0 s when it is read, so no door opens, allow some seconds';
      found.push({ ...positions.value([...path, 'max_age']), text: `${path.join('.')}.max_age: ${text}` });
    }
  }
  return found;
}

/** A sequence that one door has used up would still be live for the other. */
function sharedFiles({ doors }: Config): { readonly door: string; readonly text: string }[] {
  const ownerOf = new Map<string, string>();
  return [...doors].flatMap(([door, { oneTimeSequences: path }]) => {
    if (path === null) return [];
    const owner = ownerOf.get(path);
    ownerOf.set(path, owner ?? door);
    const text = `one_time_sequences: the file is that of door ${owner} too (${path}), give each door its own`;
    return owner === undefined ? [] : [{ door, text }];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}
