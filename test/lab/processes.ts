/** A process -> its children that run an iptables-restore, as /proc has them. */

import { readdirSync, readFileSync } from 'node:fs';

export function restoresOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isSafeInteger);
  return pids.filter((pid) => {
    const [, ppid] = /^\d+ \(.*\) \S (\d+) /s.exec(textOf(pid, 'stat')) ?? [];
    return Number(ppid) === parent && /tables\S*-restore/.test(textOf(pid, 'cmdline').replaceAll('\0', ' '));
  });
}

/** Empty for a process that has ended since. */
function textOf(pid: number, file: 'stat' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
