/** Deletes rules of iptables-nft by the handles that the kernel gave them. */

import { MAX_CHAIN_NAME } from '../config/values.ts';
import type { Family } from '../model.ts';
import { linesOf } from './listing.ts';
import { runNft } from './nft.ts';

/** How often the chain is listed again when rules were removed while it was listed. */
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

/** The empty chain that stands in the table for as long as handles are known, after the chain of the openings. */
export function markerOf(chain: string): string {
  const tail = '-ENDED';
  return chain.slice(0, MAX_CHAIN_NAME - tail.length) + tail;
}

/**
 * iptables-nft finds a rule by comparing it with each rule before it, and a rule number means another rule as soon as
 * someone changes the chain. A table gives a handle to one rule and to no other after it, so a deletion by handle removes
 * that rule, or fails because it has gone.
 *
 * A table that was made again, as by `nft flush ruleset`, counts from 1 again. So an empty chain marks the table before its
 * rules are listed, and each deletion also flushes that chain: where the table is another, that fails, and the whole
 * transaction with it. (nft tells the handle of a table only after it has read all rules, which takes 0.2 s with 10,000.)
 */
export class Handles {
  readonly #parts: HandlesParts;
  readonly #table: string;
  readonly #marker: string;
  #known = new Map<string, number[]>();

  constructor(parts: HandlesParts) {
    this.#parts = parts;
    this.#table = parts.family === 4 ? 'ip filter' : 'ip6 filter';
    this.#marker = `chain ${this.#table} ${markerOf(parts.chain)}\n`;
  }

  /** Whether none is known. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /**
   * Finds the handles of the rules that are in the chain now. Doors may be opened in the meantime: those rules go to the
   * head of the chain and are left out. Resolves to whether the handles could be found.
   */
  async read(): Promise<boolean> {
    this.#known = new Map();
    if (!(await this.#change(`add ${this.#marker}`))) return false;
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
      if (before === null || listed === null || after === null) break;
      const lines = linesOf(before, this.#parts.chain);
      if (!isTailOf(lines, linesOf(after, this.#parts.chain))) continue;
      const paired = pair(lines, listed);
      if (paired === null) break;
      this.#known = paired;
      return true;
    }
    await this.forget();
    return false;
  }

  /** Forgets all handles, and removes the mark from the table. */
  async forget(): Promise<void> {
    this.#known = new Map();
    await this.#change(`delete ${this.#marker}`);
  }

  /** Whether the handle of such a rule is known. */
  has(line: string): boolean {
    return this.#known.has(line);
  }

  /** Takes the handle of one such rule; null where none is known. */
  take(line: string): number | null {
    const handles = this.#known.get(line);
    const handle = handles?.pop() ?? null;
    if (handles?.length === 0) this.#known.delete(line);
    return handle;
  }

  /** Deletes all rules with these handles, or none. Resolves to whether it has. */
  async delete(handles: readonly number[]): Promise<boolean> {
    if (handles.length === 0) return true;
    const rules = handles.map(
      (handle) => `delete rule ${this.#table} ${this.#parts.chain} handle ${handle}\n`,
    );
    // Both fail where the chain is missing.
    const guard = `${this.isEmpty ? 'delete' : 'flush'} ${this.#marker}`;
    return this.#change(guard + rules.join(''));
  }

  async #change(commands: string): Promise<boolean> {
    return (await this.#run(['-f', '-'], commands)) !== null;
  }

  /** Resolves to what nft prints; null where it fails. */
  #run(argv: readonly string[], input = ''): Promise<string | null> {
    return runNft(this.#parts.nft, argv, input, this.#parts.timeLimitMs);
  }
}

/**
 * Pairs the last rules of a chain, as iptables printed them, with their handles, as nft prints them. nft prints what iptables
 * made in another form, which differs between versions, so the rules are paired by their order, and each pair has to agree
 * on the source.
 *
 * @returns null where the listings are not of the same rules
 */
export function pair(lines: readonly string[], listed: string): Map<string, number[]> | null {
  const rules = listed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => HANDLE.test(line) && !/^(?:table|chain) /.test(line));
  const newer = rules.length - lines.length;
  if (newer < 0) return null;
  const handles = new Map<string, number[]>();
  for (const [at, line] of lines.entries()) {
    const rule = rules[newer + at] ?? '';
    const source = HOST.exec(line)?.[1] ?? null;
    if (source !== null && !rule.includes(`saddr ${source} `)) return null;
    const handle = Number(HANDLE.exec(rule)?.[1]);
    const same = handles.get(line);
    if (same === undefined) handles.set(line, [handle]);
    else same.push(handle);
  }
  return handles;
}

function isTailOf(lines: readonly string[], all: readonly string[]): boolean {
  const newer = all.length - lines.length;
  return newer >= 0 && lines.every((line, at) => line === all[newer + at]);
}
