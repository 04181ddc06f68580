/** Refuses a configuration that others can change, since it names commands that are run as root. */

import { commandLine } from '../command-line.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import { isReadableByOthers, openFolderOf, othersWhoWrite } from '../permissions.ts';

/**
 * A warning where any local user can read it, and so knock; null for none.
 *
 * @throws KnocktailError 77 where somebody else can change it
 */
export function requireTrusted(path: string): string | null {
  const who = othersWhoWrite(path);
  const open = who === null ? openFolderOf(path) : { folder: path, who };
  if (open !== null)
    throw new KnocktailError(`can be changed by ${open.who}, and with it the commands that are run`, {
      where: path,
      exitCode: EXIT.NO_PERMISSION,
      remedy: `run: ${commandLine(['chmod', 'go-w', open.folder])}`,
    });
  if (!isReadableByOthers(path)) return null;
  return `any local user can read it, and so knock; run: ${commandLine(['chmod', 'o-r', path])}`;
}
