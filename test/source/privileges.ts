/** Root may read whatever it likes, so a test of permissions gives its rights up for a while. */

import { chownSync, statSync } from 'node:fs';

const NOBODY = 65_534;

/** Runs a body as somebody who owns the file and is not root. */
export async function withoutPrivileges(path: string, body: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) {
    await body();
    return;
  }
  chownSync(path, NOBODY, statSync(path).gid);
  process.seteuid?.(NOBODY);
  try {
    await body();
  } finally {
    process.seteuid?.(0);
  }
}
