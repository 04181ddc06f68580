/** Where knocks are to be read -> whether they can be, and who else could write there. */

import { accessSync, constants } from 'node:fs';
import { EXIT, KnocktailError } from '../errors.ts';
import { choose } from '../line/choose.ts';
import type { LogPlace } from '../line/source.ts';
import { doubtsOf } from '../line/trust.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const KMSG = '/dev/kmsg';

/** @param find what `auto` comes to on this machine */
export async function checkLogSource(given: LogPlace, find = choose, doubts = doubtsOf): Promise<Finding[]> {
  const place = await settled(given, find).catch((error: unknown) => {
    if (error instanceof KnocktailError && error.exitCode === EXIT.UNAVAILABLE) return error;
    throw error;
  });
  if (place instanceof KnocktailError)
    return [fail('log', place.message, place.remedy ?? 'name a log with log.path')];
  const readable = checkReadable(place);
  return [readable, ...checkTrust(doubts(place))];
}

/** Of `auto` it is known already that it can be read. */
async function settled(place: LogPlace, find: typeof choose): Promise<LogPlace> {
  return place.from === 'auto' ? { path: '', ...(await find()) } : place;
}

function checkReadable({ from, path }: LogPlace): Finding {
  if (from === 'stdin') return skip('log', 'stdin is read when there is one');
  if (from === 'journal') return ok('log', 'the journal');
  const file = from === 'kmsg' ? KMSG : path;
  try {
    accessSync(file, constants.R_OK);
    return ok('log', file);
  } catch {
    return fail(
      'log',
      `${file} is not there, or may not be read`,
      'run as root, or name another with log.path',
    );
  }
}

function checkTrust(doubts: readonly string[]): Finding[] {
  if (doubts.length === 0) return [ok('forgery', 'none but the kernel writes what counts')];
  return doubts.map((doubt) => warn('forgery', doubt, 'knocktail rules --format rsyslog, and docs/setup.md'));
}
