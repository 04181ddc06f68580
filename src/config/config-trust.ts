/** Refuses files that decide who gets in and which commands are run, where others can change them. */

import { EXIT, KnocktailError } from '../errors.ts';
import { foreignOwnerOf, isReadableByOthers, openFolderOf, othersWhoWrite } from '../lib/permissions.ts';
import { commandLine } from '../lib/shell-quote.ts';
import type { Config } from './schema.ts';

const COMMANDS = 'with it the commands that are run';
const SEQUENCES = 'with it the sequences of a door';

export interface Warning {
  readonly path: string;
  readonly text: string;
}

/**
 * What to warn of in the configuration and its files of one-time sequences.
 *
 * @throws KnocktailError 77 where somebody else can change one of them
 */
export function requireTrusted(path: string, { doors }: Pick<Config, 'doors'>): readonly Warning[] {
  const oneTime = new Set([...doors.values()].flatMap(({ oneTimeSequences }) => oneTimeSequences ?? []));
  return [...warningsOf(path, COMMANDS), ...[...oneTime].flatMap((file) => warningsOf(file, SEQUENCES))];
}

function warningsOf(path: string, what: string): readonly Warning[] {
  const who = othersWhoWrite(path);
  const open = who === null ? openFolderOf(path) : { folder: path, who };
  if (open !== null)
    throw new KnocktailError(`can be changed by ${open.who}, and ${what}`, {
      where: path,
      exitCode: EXIT.NO_PERMISSION,
      remedy: `run: ${commandLine(['chmod', 'go-w', open.folder])}`,
    });
  const texts: string[] = [];
  const owner = foreignOwnerOf(path);
  if (owner !== null) {
    const remedy =
      owner.path === path
        ? `run: ${commandLine(['chown', 'root', path])}`
        : `${owner.path} is theirs, move it to a folder that root owns`;
    texts.push(`the user ${owner.user} can change it, and ${what}; ${remedy}`);
  }
  if (isReadableByOthers(path))
    texts.push(`any local user can read it, and so knock; run: ${commandLine(['chmod', 'o-r', path])}`);
  return texts.map((text) => ({ path, text }));
}
