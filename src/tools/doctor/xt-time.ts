/** Checks that the kernel can end a rule by itself. */

import { type Finding, ok, skip, warn } from './finding.ts';
import { type KernelModule, type KernelText, kernelHas } from './kernel-modules.ts';

const CHECK = 'xt_time';
const XT_TIME: KernelModule = { name: 'xt_time', option: 'CONFIG_NETFILTER_XT_MATCH_TIME' };

export function checkXtTime(kernel: KernelText): Finding {
  switch (kernelHas(kernel, XT_TIME)) {
    case true:
      return ok(CHECK, 'the kernel shuts a door even if the daemon is dead');
    case false:
      return warn(
        CHECK,
        'this kernel lacks it, so a door shuts by timer alone',
        'install or load the module xt_time',
      );
    case null:
      return skip(CHECK, 'this kernel does not tell; the daemon tries it at its start');
  }
}
