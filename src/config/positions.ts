/** Finds the position of each key and value in YAML text. */

import { EVENT_ID, type Event, getScalarValue, parseEvents } from 'js-yaml';

export type Path = readonly PropertyKey[];

/** Counted from 1, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Positions {
  /** Where the value at a path stands, or the nearest thing around it where there is none. */
  value(path: Path): Position;
  /** Where the last key of a path stands. */
  key(path: Path): Position;
}

/** Reads the positions of a text that `load` of js-yaml accepts. */
export function positionsIn(text: string): Positions {
  const keys = new Map<string, number>();
  const values = new Map<string, number>();
  const events = parseEvents(text, {})[Symbol.iterator]();

  const next = (): Event => {
    const { value, done } = events.next();
    if (done === true) throw new RangeError('the events of a YAML document ended early');
    return value;
  };
  const node = (event: Event, path: Path): void => {
    // A value that is not there, as in `a:`, has no place of its own: that of its key will serve.
    if (event.type === EVENT_ID.SCALAR && event.valueStart >= 0) values.set(nameOf(path), event.valueStart);
    else if (event.type === EVENT_ID.SEQUENCE) {
      values.set(nameOf(path), event.start);
      for (let item = next(), index = 0; item.type !== EVENT_ID.POP; item = next(), index++) {
        node(item, [...path, index]);
      }
    } else if (event.type === EVENT_ID.MAPPING) {
      values.set(nameOf(path), event.start);
      for (let key = next(); key.type !== EVENT_ID.POP; key = next()) {
        const name = key.type === EVENT_ID.SCALAR ? getScalarValue(text, key) : '';
        if (key.type === EVENT_ID.SCALAR) keys.set(nameOf([...path, name]), key.valueStart);
        else node(key, [...path, name]);
        node(next(), [...path, name]);
      }
    }
  };
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      const root = next();
      if (root.type !== EVENT_ID.POP) node(root, []);
    }
  }

  const around = (places: Map<string, number>, path: Path): number => {
    const here = places.get(nameOf(path));
    if (here !== undefined) return here;
    if (path.length === 0) return 0;
    const within = path.slice(0, -1);
    // What is not there may have come by `<<`.
    return keys.get(nameOf(path)) ?? keys.get(nameOf([...within, '<<'])) ?? around(values, within);
  };
  const lines = startsOfLines(text);
  return {
    value: (path) => positionAt(lines, around(values, path)),
    key: (path) => positionAt(lines, around(keys, path)),
  };
}

function nameOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

function startsOfLines(text: string): readonly number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

/** Among thousands of lines: a configuration may have as many problems as lines. */
function positionAt(starts: readonly number[], offset: number): Position {
  let [line, after] = [0, starts.length];
  while (after - line > 1) {
    const middle = (line + after) >> 1;
    if ((starts[middle] ?? 0) <= offset) line = middle;
    else after = middle;
  }
  return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
}
