/** Deletes rules of iptables-nft by the handles that the kernel gave them. */

import type { Family } from '../model.ts';
import { linesOf } from './listing.ts';
import { runNft } from './nft.ts';

/** How often the chain is listed again when it has changed while it was listed. */
const MOST_TRIES = 3;

const HANDLE = / # handle (\d+)$/;
const HOST = /^-s ([^/]+)\/(?:32|128) /;

export interface HandlesParts {
  /** The path of the program `nft`. */
  readonly nft: string;
  readonly family: Family;
  readonly chain: string;
  readonly timeLimitMs: number;
  /** What `iptables -S CHAIN` prints; null where it fails. */
  readonly list: () => Promise<string | null>;
}

/** Of one rule, in the table with this handle. */
export interface Handle {
  readonly rule: number;
  readonly table: string;
}

/**
 * iptables-nft looks for a rule by comparing it with each rule before it, and a rule number means another rule as soon as
 * somebody changes the chain. A table gives a handle to one rule and to no other after it, so a deletion by handle removes
 * that rule, or fails because it has gone. What was found out stays true for as long as the table lives. One that was made
 * anew, as by `nft flush ruleset`, counts from 1 again: it has another handle itself, which is looked at before each
 * deletion. Only a table that is deleted, made anew and filled in the milliseconds between these two could lose another
 * rule of the chain.
 */
export class Handles {
  readonly #parts: HandlesParts;
  readonly #table: string;
  #known = new Map<string, number[]>();
  /** The handle of the table that these rules are in. */
  #tableHandle = '';

  constructor(parts: HandlesParts) {
    this.#parts = parts;
    this.#table = parts.family === 4 ? 'ip filter' : 'ip6 filter';
  }

  /** Whether none is known. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Finds the handles of all rules in the chain. Resolves to whether they could be told. */
  async read(): Promise<boolean> {
    this.#known = new Map();
    const tableHandle = await this.#askTable();
    if (tableHandle === null) return false;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const before = await this.#parts.list();
      const listed = await this.#run([
        '-a',
        '-s',
        'list',
        'chain',
        ...this.#table.split(' '),
        this.#parts.chain,
      ]);
      const after = await this.#parts.list();
      if (before === null || listed === null || after === null) return false;
      if (before !== after) continue;
      const paired = pair(linesOf(before, this.#parts.chain), listed);
      if (paired === null) return false;
      this.#known = paired;
      this.#tableHandle = tableHandle;
      return true;
    }
    return false;
  }

  /** Whether the handle of such a rule is known. */
  has(line: string): boolean {
    return this.#known.has(line);
  }

  /** Takes the handle of one such rule; null where none is known. */
  take(line: string): Handle | null {
    const handles = this.#known.get(line);
    const rule = handles?.pop();
    if (handles?.length === 0) this.#known.delete(line);
    return rule === undefined ? null : { rule, table: this.#tableHandle };
  }

  /** Deletes all of these rules, or none. Resolves to whether it has. */
  async delete(handles: readonly Handle[]): Promise<boolean> {
    if (handles.length === 0) return true;
    const tableHandle = await this.#askTable();
    if (handles.some(({ table }) => table !== tableHandle)) return false;
    const { chain } = this.#parts;
    const lines = handles.map(({ rule }) => `delete rule ${this.#table} ${chain} handle ${rule}\n`);
    return (await this.#run(['-f', '-'], lines.join(''))) !== null;
  }

  async #askTable(): Promise<string | null> {
    const tables = (await this.#run(['-a', 'list', 'tables'])) ?? '';
    const line = tables.split('\n').find((each) => each.startsWith(`table ${this.#table} `)) ?? '';
    return HANDLE.exec(line)?.[1] ?? null;
  }

  /** Resolves to what nft prints; null where it fails. */
  #run(argv: readonly string[], input = ''): Promise<string | null> {
    return runNft(this.#parts.nft, argv, input, this.#parts.timeLimitMs);
  }
}

/**
 * Two listings of one chain -> the handles of each rule. nft says what iptables made in words of its own, which differ
 * between versions, so the rules are paired by their order, and each pair has to agree on the source.
 *
 * @returns null where the listings are not of the same rules
 */
export function pair(lines: readonly string[], listed: string): Map<string, number[]> | null {
  const rules = listed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => HANDLE.test(line) && !/^(?:table|chain) /.test(line));
  if (rules.length !== lines.length) return null;
  const handles = new Map<string, number[]>();
  for (const [at, line] of lines.entries()) {
    const rule = rules[at] ?? '';
    const source = HOST.exec(line)?.[1] ?? null;
    if (source !== null && !rule.includes(`saddr ${source} `)) return null;
    const handle = Number(HANDLE.exec(rule)?.[1]);
    const same = handles.get(line);
    if (same === undefined) handles.set(line, [handle]);
    else same.push(handle);
  }
  return handles;
}
