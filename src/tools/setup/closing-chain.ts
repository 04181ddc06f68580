/** Tells what a chain of the user's does with packets that no rule was made for. */

import type { Probe } from '../../firewall/packet-match.ts';
import { type Chains, type Rule, walk } from '../../firewall/walk.ts';
import { TCP_FLAGS } from '../../model.ts';

/**
 * `drops`: it drops all and lets no new connection in. `decides`: it drops what it does not accept. `passes`: some come
 * back from it.
 */
export type Closing = 'drops' | 'decides' | 'passes';

const STRAY: Probe = {
  family: 4,
  proto: 'tcp',
  port: null,
  flags: TCP_FLAGS.SYN,
  length: null,
  from: 'stranger',
  to: null,
  interface: null,
};
const STRAYS: readonly Probe[] = [STRAY, { ...STRAY, proto: 'udp' }];
const PORT_OPTIONS: ReadonlySet<string> = new Set(['--dport', '--dports', '--sport', '--sports']);
const DEEPEST = 32;

export function closingOf(chains: Chains, name: string): Closing {
  const isClosed = STRAYS.every((stray) => {
    const { verdict, by } = walk(chains, name, stray).end;
    return by === 'rule' && verdict === 'drop';
  });
  if (!isClosed) return 'passes';
  return letsIn(chains, name, 0) ? 'decides' : 'drops';
}

/** Whether some rule may accept a new connection from elsewhere. */
function letsIn(chains: Chains, name: string, depth: number): boolean {
  const rules = depth > DEEPEST ? [] : (chains.get(name)?.rules ?? []);
  return rules.some((rule) => {
    const { action } = rule;
    if (action === null || !mayTake(rule)) return false;
    if (action.kind === 'accept' || action.kind === 'queue') return true;
    return (action.kind === 'jump' || action.kind === 'goto') && letsIn(chains, action.to, depth + 1);
  });
}

/** Of whatever port, protocol or source. */
function mayTake({ spec, matches }: Rule): boolean {
  if (spec.some((word) => PORT_OPTIONS.has(word)))
    return !spec.some((word, at) => word === '-i' && spec[at + 1] === 'lo' && spec[at - 1] !== '!');
  return STRAYS.some((stray) => matches({ ...stray, from: null }).takes !== 'no');
}
