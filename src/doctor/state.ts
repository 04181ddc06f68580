/** The folder of what must survive a restart -> whether it can be written. */

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Finding, fail, ok } from './finding.ts';

/** A folder that is not there yet is made by the daemon, where it may. */
export function checkState(folder: string): Finding {
  let nearest = folder;
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return ok('state', nearest === folder ? folder : `${folder}, not made yet`);
  } catch {
    return fail('state', `${nearest} cannot be written`, 'run as root, or name another folder with state:');
  }
}
