/** Checks that the state folder can be written. */

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { othersWhoWrite } from '../../lib/permissions.ts';
import { commandLine } from '../../lib/shell-quote.ts';
import { type Finding, fail, ok } from './finding.ts';

/** A folder that is not there yet is made by the daemon, where it may. */
export function checkState(folder: string): Finding {
  let nearest = folder;
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    const who = othersWhoWrite(nearest);
    if (who !== null) {
      const why = `${nearest} can be written by ${who}, and stop commands that stand there are run`;
      return fail('state', why, commandLine(['chmod', 'go-w', nearest]));
    }
    return ok('state', nearest === folder ? folder : `${folder}, not made yet`);
  } catch {
    return fail('state', `${nearest} cannot be written`, 'run as root, or name another folder with state:');
  }
}
