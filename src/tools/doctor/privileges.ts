/** Reads from /proc/self/status whether this process may change the packet filter. */

import { type Finding, fail, ok, skip } from './finding.ts';

const CHECK = 'capabilities';
/** linux/capability.h */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

/** @param isLegacy whether iptables is the legacy one, which opens a raw socket */
export function checkPrivileges(status: string, isLegacy: boolean): Finding {
  const [, hex] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (hex === undefined) return skip(CHECK, 'this system does not tell');
  const has = (bit: number): boolean => ((BigInt(`0x${hex}`) >> BigInt(bit)) & 1n) === 1n;
  const needed = [
    ['NET_ADMIN', CAP_NET_ADMIN] as const,
    ...(isLegacy ? [['NET_RAW', CAP_NET_RAW] as const] : []),
  ];
  const missing = needed.filter(([, bit]) => !has(bit)).map(([name]) => name);
  return missing.length === 0
    ? ok(CHECK, `has ${needed.map(([name]) => name).join(' and ')}`)
    : fail(
        CHECK,
        `lacks ${missing.join(' and ')}, without which no door opens`,
        'run as root, or give the service the capability',
      );
}
