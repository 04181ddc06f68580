/** Checks that others can neither read nor change the files that open doors. */

import { isReadableByOthers, openFolderOf, othersWhoWrite } from '../../lib/permissions.ts';
import { commandLine } from '../../lib/shell-quote.ts';
import { type Finding, fail, warn } from './finding.ts';

const CHECK = 'config';

/**
 * @param path the configuration, which names commands as well
 * @param oneTime the files of one-time sequences
 */
export function checkSecrecy(path: string, oneTime: readonly string[]): Finding[] {
  return [
    ...secrecyOf(path, 'who could open doors and have commands run'),
    ...oneTime.flatMap((file) => secrecyOf(file, 'who could open its door')),
  ];
}

function secrecyOf(path: string, harm: string): Finding[] {
  const writers = othersWhoWrite(path);
  const open = writers === null ? openFolderOf(path) : { folder: path, who: writers };
  if (open !== null) {
    const why = `${open.folder} can be written by ${open.who}, ${harm}`;
    return [fail(CHECK, why, commandLine(['chmod', 'go-w', open.folder]))];
  }
  if (!isReadableByOthers(path)) return [];
  return [
    warn(
      CHECK,
      `${path} can be read by any local user, who could knock`,
      commandLine(['chmod', 'o-r', path]),
    ),
  ];
}
