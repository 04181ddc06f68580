/** Quotes a value from a configuration in a message, shortened where it is long. */

const MOST_LETTERS = 100;
const MOST_ITEMS = 10;
/** Aliases of YAML can make a value endless. */
const DEEPEST = 3;

export function show(value: unknown): string {
  const text = typeof value === 'string' ? value : asJson(value, 0);
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}...` : text;
}

function asJson(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth === DEEPEST) return '...';
  const inner = (item: unknown): string => asJson(item, depth + 1);
  if (Array.isArray(value)) return `[${value.slice(0, MOST_ITEMS).map(inner).join(',')}]`;
  const entries = Object.entries(value).slice(0, MOST_ITEMS);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${inner(item)}`).join(',')}}`;
}
