/** Gives a run of tests a folder of its own, and a process beside it that tidies up, however the run ends. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Called once for each project; the first makes what all of them use. */
export default function setup(): (() => Promise<void>) | undefined {
  if (process.env['KNOCKTAIL_SUITE'] !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'kts-'));
  // Tests run as other users, too.
  chmodSync(folder, 0o755);
  process.env['TMPDIR'] = folder;
  // Processes of the run are known by this.
  process.env['KNOCKTAIL_SUITE'] = folder;
  const sweep = fileURLToPath(new URL('./sweep.mjs', import.meta.url));
  // Apart from the terminal, whose INT is for all others. It waits for the end of its stdin, thus of this process.
  const sweeper = spawn(process.execPath, [sweep, folder], {
    ...{ detached: true, stdio: ['pipe', 'inherit', 'inherit'] },
    env: { ...process.env, KNOCKTAIL_SUITE: '' },
  });
  sweeper.unref();
  return async () => {
    const ended = once(sweeper, 'exit');
    sweeper.stdin?.end('done\n');
    await ended;
  };
}
