/** Chains of iptables as a few words say them. */

import { chainOf } from '../../src/firewall/iptables-chains.ts';
import type { Chains } from '../../src/firewall/walk.ts';

/** @param rules of each chain, without `-A CHAIN`; one that begins with `-P` is its policy */
export function chains(rules: Readonly<Record<string, readonly string[]>>): Chains {
  return new Map(
    Object.entries(rules).map(([name, specs]) => {
      const lines = specs.map((spec) =>
        spec.startsWith('-P ') ? `-P ${name} ${spec.slice(3)}` : `-A ${name} ${spec}`,
      );
      return [name, chainOf(name, `${lines.join('\n')}\n`)];
    }),
  );
}

/** What `iptables -S` has printed of a whole table. */
export function chainsIn(text: string): Chains {
  const names = [...text.matchAll(/^-[PN] (\S+)/gm)].map(([, name = '']) => name);
  return new Map(names.map((name) => [name, chainOf(name, text)]));
}
