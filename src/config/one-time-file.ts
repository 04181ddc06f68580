/** The path of a file of one-time sequences <-> what is left in it, with used ones marked for good. */

import { type FileHandle, open, readFile, realpath } from 'node:fs/promises';
import { EXIT, KnocktailError, messageOf } from '../errors.ts';
import { replaceFile } from '../replace.ts';
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
    if (marked !== text) await replaceFile(real, (file) => fill(file, real, marked));
  } catch (cause) {
    throw failure('used sequences cannot be marked in it', path, cause);
  }
}

/** With the owner and mode of the file that it is to replace. */
async function fill(file: FileHandle, path: string, text: string): Promise<void> {
  const before = await open(path, 'r');
  const { uid, gid, mode } = await before.stat().finally(() => before.close());
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
  await file.chmod(mode & 0o7777);
  await file.writeFile(text);
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
