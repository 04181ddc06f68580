/** Shell scripts that stand in for iptables and ip6tables where the real ones cannot be made to fail. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An iptables for which every table is empty and every order fine. */
export const WILLING = 'exit 0';

/** Returns the path of the iptables; `v6` null leaves its ip6tables out. Each call goes to FOLDER/calls first. */
export function fakeIptables({ v4 = WILLING, v6 = WILLING }: { v4?: string; v6?: string | null }): string {
  const folder = mkdtempSync(join(tmpdir(), 'knocktail-fake-'));
  write(join(folder, 'iptables'), v4);
  if (v6 !== null) write(join(folder, 'ip6tables'), v6);
  return join(folder, 'iptables');
}

function write(path: string, script: string): void {
  const log = 'echo "$(basename "$0") $*" >> "$(dirname "$0")/calls"';
  writeFileSync(path, `#!/bin/sh\n${log}\n${script}\n`, { mode: 0o755 });
}
