/** Finds the packets of each family that the log must show for a configuration and its one-time files. */

import { readOneTimeFile } from '../config/one-time-file.ts';
import type { Config } from '../config/schema.ts';
import type { Family, Sequence } from '../model.ts';
import { type Watched, watched } from '../tools/setup/watched.ts';

/** All sequences that may open a door. */
export type SequencesOf = (door: string) => readonly Sequence[];

/** @throws KnocktailError when a file of sequences cannot be read */
export async function watchedBy(config: Config): Promise<(family: Family) => Watched | null> {
  const sequencesOf = await sequencesBy(config);
  return (family) => watched(config, family, sequencesOf);
}

/** @throws KnocktailError when a file of sequences cannot be read */
export async function sequencesBy(config: Config): Promise<SequencesOf> {
  const sequences = new Map<string, readonly Sequence[]>();
  for (const [name, { sequence, oneTimeSequences }] of config.doors) {
    const once = oneTimeSequences === null ? [] : (await readOneTimeFile(oneTimeSequences)).left;
    sequences.set(name, [...(sequence === null ? [] : [sequence]), ...once.map((each) => each.sequence)]);
  }
  return (door) => sequences.get(door) ?? [];
}
