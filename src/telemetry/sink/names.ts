/** Puts the host's name after the address of a client in each line, and keeps the lines in order: `10.0.0.7 (host): ...`. */

import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Facts, Log } from '../log.ts';

const LOOKUP_LIMIT_MS = 1_000;
const REMEMBERED_NAMES = 1_000;
const REMEMBERED_MS = 5 * 60 * 1000;
/** Lines that may wait for a name at once; beyond that, addresses have to do. */
const MAX_WAITING = 1_000;

export type Lookup = (address: string) => Promise<string | null>;

/**
 * A log whose lines wait for names while the daemon goes on. The order stays.
 *
 * @param lookUp resolves to null where there is no name, and never rejects
 */
export function withNames(log: Log, lookUp: Lookup): Log & { idle(): Promise<void> } {
  let before: Promise<void> = Promise.resolve();
  let waiting = 0;
  const tell =
    (write: Log['info']): Log['info'] =>
    (text, facts) => {
      const address = clientIn(text, facts);
      if (waiting === 0 && address === null) return write(text, facts);
      const name = address === null || waiting >= MAX_WAITING ? null : lookUp(address);
      waiting++;
      before = before.then(async () => {
        const found = await name;
        waiting--;
        write(address === null || found === null ? text : named(text, address, found), facts);
      });
    };
  return {
    debug: tell(log.debug),
    info: tell(log.info),
    warn: tell(log.warn),
    error: tell(log.error),
    idle: () => before,
  };
}

/** The client that a line is about: the one of its facts, or the one it begins with. */
function clientIn(text: string, facts: Facts | undefined): string | null {
  const source = facts?.['source'];
  if (typeof source === 'string' && placeOf(text, source) !== null) return source;
  const [first = ''] = text.split(': ', 1);
  return isIP(first) !== 0 && first.length < text.length ? first : null;
}

function named(text: string, address: string, name: string): string {
  const end = placeOf(text, address) ?? address.length;
  return `${text.slice(0, end)} (${name})${text.slice(end)}`;
}

/** Where the client ends in `ssh: opened 22/tcp for 10.0.0.7 until 21:14:30`; null where it is not there. */
function placeOf(text: string, address: string): number | null {
  const words = ` for ${address}`;
  const at = text.indexOf(words);
  const end = at + words.length;
  return at >= 0 && /^(?:$|[ ,]|: )/.test(text.slice(end)) ? end : null;
}

/** Asks /etc/hosts and DNS, and remembers the answers for a while. Needs no thread: those are for reading logs. */
export function systemLookup(): Lookup {
  const resolver = new Resolver({ timeout: LOOKUP_LIMIT_MS, tries: 1 });
  const names = new Map<string, { readonly name: Promise<string | null>; readonly askedAt: number }>();
  return (address) => {
    const known = names.get(address);
    if (known !== undefined && performance.now() - known.askedAt < REMEMBERED_MS) return known.name;
    const name = resolver.reverse(address).then(
      ([first]) => first ?? null,
      () => null,
    );
    names.delete(address);
    names.set(address, { name, askedAt: performance.now() });
    const [oldest] = names.keys();
    if (names.size > REMEMBERED_NAMES && oldest !== undefined) names.delete(oldest);
    return name;
  };
}
