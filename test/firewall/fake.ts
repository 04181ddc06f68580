/** Shell scripts that stand in for iptables and ip6tables where the real ones cannot be made to fail. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../lab/scratch-folder.ts';

/** An iptables for which every table is empty and every order fine. */
export const WILLING = 'exit 0';

/** An iptables-restore that takes all, says what is asked of it, and writes what it was fed to FOLDER/fed. */
export const OBEDIENT = restoreThat('');

/** An iptables-restore that does this with each line that is no comment; the line is `$line`. */
export function restoreThat(does: string): string {
  return `while read -r line; do
  case "$line" in
    "#"*) echo "$line";;
    *) echo "$line" >> "$(dirname "$0")/fed"; ${does};;
  esac
done`;
}

interface Scripts {
  readonly v4?: string;
  /** Null leaves it out. */
  readonly v6?: string | null;
  /** The iptables-restore; null leaves it out. */
  readonly restore?: string | null;
}

/** Returns the path of the iptables. Each call goes to FOLDER/calls first. */
export function fakeIptables({ v4 = WILLING, v6 = WILLING, restore = null }: Scripts): string {
  const folder = scratchFolder();
  write(join(folder, 'iptables'), v4);
  if (v6 !== null) write(join(folder, 'ip6tables'), v6);
  if (restore !== null) write(join(folder, 'iptables-restore'), restore);
  return join(folder, 'iptables');
}

function write(path: string, script: string): void {
  const log = 'echo "$(basename "$0") $*" >> "$(dirname "$0")/calls"';
  const version = '[ "$1" = --version ] && exit 0';
  writeFileSync(path, `#!/bin/sh\n${version}\n${log}\n${script}\n`, { mode: 0o755 });
}
