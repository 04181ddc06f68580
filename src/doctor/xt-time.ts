/** What a kernel tells of its modules -> whether it can end a rule by itself. */

import { type Finding, ok, skip, warn } from './finding.ts';

const CHECK = 'xt_time';

/** Empty where there is no such file. */
export interface KernelText {
  /** /proc/modules: what is loaded. */
  readonly modules: string;
  /** modules.dep and modules.builtin: what can be loaded, or is built in. */
  readonly available: string;
  /** The configuration that it was built by. */
  readonly config: string;
}

export function checkXtTime({ modules, available, config }: KernelText): Finding {
  const isThere =
    /^xt_time /m.test(modules) ||
    /\/xt_time\.ko/.test(available) ||
    /^CONFIG_NETFILTER_XT_MATCH_TIME=[ym]$/m.test(config);
  if (isThere) return ok(CHECK, 'the kernel shuts a door even if the daemon is dead');
  if (available === '' && config === '')
    return skip(CHECK, 'this kernel does not tell; the daemon tries it at its start');
  return warn(
    CHECK,
    'this kernel lacks it, so a door shuts by timer alone',
    'install or load the module xt_time',
  );
}
