/** Finds a file that was read before under its present name, since rotation renames logs. */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LogPosition } from '../model.ts';

type FilePlace = Extract<LogPosition, { readonly kind: 'file' }>;

/** Looks at the path itself, then at its neighbours whose names begin alike, as `kern.log.1`. */
export async function findPlace(
  place: LogPosition,
  path: string,
): Promise<{ readonly path: string; readonly place: FilePlace } | null> {
  if (place.kind !== 'file') return null;
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  const alike = names.filter((name) => name.startsWith(basename(path))).map((name) => join(folder, name));
  for (const candidate of [path, ...alike]) {
    const stats = await stat(candidate).catch(() => null);
    if (stats?.isFile() && stats.dev === place.dev && stats.ino === place.ino)
      return { path: candidate, place };
  }
  return null;
}
