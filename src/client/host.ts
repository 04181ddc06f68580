/** Resolves a name or an address to the one address to knock at. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EXIT, KnocktailError } from '../errors.ts';
import { parseAddress } from '../lib/address.ts';
import type { Family } from '../model.ts';

/** Not an `Address`: it may have a zone, as in `fe80::1%eth0`. */
export interface Target {
  readonly address: string;
  readonly family: Family;
}

/** fe80::/10 (RFC 4291, 2.5.6). */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;

/**
 * The first address that the system knows for the host, of this family alone unless it is null.
 *
 * @throws KnocktailError 68 when there is none, 64 for a link-local address without an interface
 */
export async function resolveHost(host: string, family: Family | null): Promise<Target> {
  const literal = isIP(host);
  if (literal === 0) return lookUp(host, family);
  if (LINK_LOCAL.test(host) && !host.includes('%'))
    throw new KnocktailError('a link-local address needs the interface that leads to it', {
      exitCode: EXIT.USAGE,
      value: host,
      remedy: `write ${host}%eth0, with the name of that interface`,
    });
  if (family !== null && family !== literal)
    throw noHost(host, family, `name another or do without -${family}`);
  return { address: canonical(host), family: literal === 4 ? 4 : 6 };
}

async function lookUp(host: string, family: Family | null): Promise<Target> {
  if (host === '') throw noHost(host, family, 'name one');
  try {
    const found = await lookup(host, { family: family ?? 0 });
    return { address: found.address, family: found.family === 4 ? 4 : 6 };
  } catch (cause) {
    const isMute = cause instanceof Error && 'code' in cause && cause.code === 'EAI_AGAIN';
    const check = family === null ? 'check the name' : `check the name, or do without -${family}`;
    throw noHost(host, family, isMute ? 'no name server answered' : check, cause);
  }
}

function canonical(literal: string): string {
  const [address = '', zone] = literal.split('%');
  const text = parseAddress(address) ?? address;
  return zone === undefined ? text : `${text}%${zone}`;
}

function noHost(host: string, family: Family | null, remedy: string, cause?: unknown): KnocktailError {
  const what = `no ${family === null ? '' : `IPv${family} `}address for this host`;
  return new KnocktailError(what, { exitCode: EXIT.NO_HOST, value: host, remedy, cause });
}
