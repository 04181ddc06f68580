/** Chooses the iptables programs of the backend that this host uses, by what both backends contain. */

import { readFileSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { KnocktailError } from '../errors.ts';
import { type Binaries, findBinaries } from './binary.ts';
import { Iptables } from './iptables.ts';
import { rulesOf } from './listing.ts';

/** Has the names of the tables of legacy iptables, which listing them would make. */
const LEGACY_TABLES = '/proc/net/ip_tables_names';

export type Backend = 'nft' | 'legacy';

/** Rules of others in INPUT and FORWARD; `unknown` where root alone may ask whether there are any tables. */
export type Held = number | 'absent' | 'unreadable' | 'unknown';

export interface Settled extends Binaries {
  /** What whoever starts the daemon should know. */
  readonly told: readonly string[];
}

/** The programs for `firewall.iptables`, as `settle` has them. Throws as `findBinaries` does. */
export function settleBinaries(choice: string, searchPath: string, chain: string): Promise<Settled> {
  return settle(findBinaries(choice, searchPath), choice, searchPath, chain);
}

/**
 * For the choice `auto` the rules of others decide: in a container `iptables` is that of the image, whatever the host
 * has.
 *
 * @param found what `findBinaries` finds for the choice
 * @param chain whose rules are ours
 */
export async function settle(
  found: Binaries,
  choice: string,
  searchPath: string,
  chain: string,
): Promise<Settled> {
  const usual = choice === 'auto' ? backendOf(found.v4) : null;
  if (usual === null) return { ...found, told: [] };
  const held = { nft: await rulesIn('nft', chain), legacy: await rulesIn('legacy', chain) };
  const { backend, told } = pickBackend(usual, held);
  const binaries = backend === usual ? found : findBinaries(backend, searchPath);
  const useless = await troubleOf(binaries.v4);
  const other = useless === null ? null : await usable(backend, useless, searchPath);
  return other ?? { ...binaries, told };
}

/** The other backend, where this kernel lacks the one that was chosen; null where it has neither. */
async function usable(chosen: Backend, why: KnocktailError, searchPath: string): Promise<Settled | null> {
  const other = chosen === 'nft' ? 'legacy' : 'nft';
  const path = programOf(other);
  if (path === null || (await troubleOf(path)) !== null) return null;
  const told = `iptables-${chosen} cannot be used here (${why.what}), so openings go to iptables-${other}`;
  return { ...findBinaries(other, searchPath), told: [told] };
}

/** Why this kernel cannot do what the program is for; null where it can, or does not say. */
async function troubleOf(path: string): Promise<KnocktailError | null> {
  const answer = await new Iptables(path).run({ op: 'list', chain: 'INPUT' });
  return !answer.done && answer.refusal === 'no family' ? answer.error : null;
}

/** @param usual the one that `iptables` is; it stays that unless the rules of others are all in the other */
export function pickBackend(
  usual: Backend,
  held: Readonly<Record<Backend, Held>>,
): { readonly backend: Backend; readonly told: readonly string[] } {
  const other = usual === 'nft' ? 'legacy' : 'nft';
  const isUsed = !isNone(held[usual]);
  if (held[other] === 'unreadable')
    return {
      backend: usual,
      told: isUsed ? [] : [`${unreadable(other)}, so openings go to iptables-${usual}`],
    };
  if (isNone(held[other])) return { backend: usual, told: [] };
  if (isUsed) return { backend: usual, told: [BOTH] };
  return {
    backend: other,
    told: [`the rules of this host are in iptables-${other}, so openings go there, too`],
  };
}

/** As far as is known. */
function isNone(held: Held): boolean {
  return held === 0 || held === 'absent' || held === 'unknown';
}

export const BOTH = 'both iptables-nft and iptables-legacy have rules, and a packet has to pass both';

export function unreadable(backend: Backend): string {
  return `iptables-${backend} has tables that may not be read without CAP_NET_RAW`;
}

/** Which backend a program is, by the file that it is a link to; null when its name does not tell. */
export function backendOf(path: string): Backend | null {
  const name = basename(realpathSync(path));
  if (name.includes('nft')) return 'nft';
  return name.includes('legacy') ? 'legacy' : null;
}

/** Rules in INPUT and FORWARD that do not lead to the chain, nor to those that are named after it. */
export async function rulesIn(backend: Backend, chain: string): Promise<Held> {
  const tables = backend === 'legacy' ? legacyTables() : 'filter';
  if (tables === null) return 'unknown';
  if (!tables.includes('filter')) return 'absent';
  const program = programOf(backend);
  if (program === null) return 'absent';
  const iptables = new Iptables(program);
  let count = 0;
  for (const hook of ['INPUT', 'FORWARD']) {
    const answer = await iptables.run({ op: 'list', chain: hook });
    if (!answer.done) return answer.refusal === 'unable' ? 'unreadable' : 'absent';
    count += rulesOf(answer.text, hook).filter((spec) => !spec.some((word) => word.startsWith(chain))).length;
  }
  return count;
}

function programOf(backend: Backend): string | null {
  try {
    return findBinaries(backend, process.env['PATH'] ?? '').v4;
  } catch {
    return null;
  }
}

/** Empty where there are none; null where this user may not know. */
function legacyTables(): string | null {
  try {
    return readFileSync(LEGACY_TABLES, 'utf8');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? null : '';
  }
}
