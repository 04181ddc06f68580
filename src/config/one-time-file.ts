/** Reads a file of one-time sequences and marks used ones in it. */

import { readFile, realpath } from 'node:fs/promises';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { rewriteFile } from '../lib/atomic-write.ts';
import { type BadLine, markUsed, type OneTime, readOneTime } from './one-time.ts';

/** @throws KnocktailError when the file cannot be read */
export async function readOneTimeFile(
  path: string,
): Promise<{ readonly left: readonly OneTime[]; readonly bad: readonly BadLine[] }> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw failure('cannot be read', path, cause);
  });
  return readOneTime(text);
}

/**
 * Marks sequences as used. When it resolves, they stay used even if the power fails at that moment: the
 * new text is on disk under another name before it takes the place of the old one.
 *
 * @throws KnocktailError when that cannot be done; the file is then as it was
 */
export async function markInFile(path: string, used: readonly OneTime[]): Promise<void> {
  try {
    const real = await realpath(path);
    const text = await readFile(real, 'utf8');
    const marked = markUsed(text, used);
    if (marked !== text) await rewriteFile(real, marked);
  } catch (cause) {
    throw failure('used sequences cannot be marked in it', path, cause);
  }
}

function failure(what: string, where: string, cause: unknown): KnocktailError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return new KnocktailError(what, {
    where,
    value: messageOf(cause),
    exitCode: isMissing ? EXIT.NO_INPUT : EXIT.IO,
    remedy: 'one_time_sequences: needs a file in a folder that the daemon may write to',
    cause,
  });
}
