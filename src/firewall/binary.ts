/** Finds the iptables programs that the setting `firewall.iptables` names, one for each family. */

import { basename, dirname, isAbsolute, join } from 'node:path';
import { EXIT, KnocktailError } from '../errors.ts';
import { findProgram, isProgram } from '../lib/permissions.ts';

export interface Binaries {
  readonly v4: string;
  /** Null where there is no ip6tables. */
  readonly v6: string | null;
}

/**
 * @param choice `auto` (iptables, ip6tables), `nft` (iptables-nft, ...), `legacy` (iptables-legacy, ...), or the
 *   absolute path of an iptables; its ip6tables is then the file beside it whose name begins with `ip6tables`
 *   where the other begins with `iptables`.
 * @param searchPath folders as in `PATH`; the sbin folders come after them
 * @throws KnocktailError 69 when there is no iptables
 */
export function findBinaries(choice: string, searchPath: string): Binaries {
  const find = isAbsolute(choice) ? atPath(choice) : inFolders(choice, searchPath);
  const v4 = find('iptables');
  if (v4 !== null) return { v4, v6: find('ip6tables') };
  throw new KnocktailError('no such program', {
    exitCode: EXIT.UNAVAILABLE,
    value: isAbsolute(choice) ? choice : programName('iptables', choice),
    remedy: 'install it (Debian: apt install iptables) or name another in firewall.iptables',
  });
}

type Tool = 'iptables' | 'ip6tables';
type Find = (tool: Tool) => string | null;

function inFolders(choice: string, searchPath: string): Find {
  return (tool) => findProgram(programName(tool, choice), searchPath);
}

function programName(tool: Tool, choice: string): string {
  return choice === 'auto' ? tool : `${tool}-${choice}`;
}

function atPath(path: string): Find {
  const name = basename(path);
  return (tool) => {
    if (tool === 'ip6tables' && !name.startsWith('iptables')) return null;
    const file = tool === 'iptables' ? path : join(dirname(path), name.replace('iptables', 'ip6tables'));
    return isProgram(file) ? file : null;
  };
}
