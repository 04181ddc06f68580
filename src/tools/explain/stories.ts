/** Groups remarks by client, in bounded memory. */

import type { Address } from '../../model.ts';
import type { Remark } from './explanation.ts';

/** A source that has taken a step, with all that it did. */
export interface Story {
  readonly source: Address;
  readonly host: string;
  readonly chapters: readonly Chapter[];
}

export interface Chapter {
  readonly remark: Remark;
  /** How many remarks of the same kind follow that are not told. */
  readonly more: number;
}

/** A source that has taken none. */
export interface Bystander {
  readonly source: Address;
  readonly host: string;
  readonly packets: number;
  /** What came nearest to a knock. */
  readonly nearest: Remark;
}

/** What is told of as many packets in a row that no door took. */
const TOLD_IN_A_ROW = 3;
/** A source has as many misses remembered before its first step. */
const REMEMBERED = 8;
/** A flood can have a source for each packet, and each can be a first step. */
export const MOST_SOURCES = 5_000;
/** Of all sources together; docs/explain.md says what memory that comes to. */
export const MOST_REMARKS = 20_000;

/** How much a source matters: it has taken no step, one at most, or has got further. */
const RANKS = [0, 1, 2] as const;
type Rank = (typeof RANKS)[number];

interface Draft {
  readonly who: { readonly source: Address; readonly host: string };
  /** Its place among all sources, in the order of their first packets. */
  readonly order: number;
  rank: Rank;
  /** Remarks about packets, told or not. */
  all: number;
  /** Packets that no door took. */
  packets: number;
  nearest: Remark;
  chapters: { remark: Remark; more: number }[];
}

export interface Limits {
  readonly sources: number;
  readonly remarks: number;
}

/** Where there is too much to tell, what goes first is the source that has got least far, and of those the oldest. */
export class Stories {
  readonly #limits: Limits;
  /** By rank, each in the order in which its sources got there. */
  readonly #drafts: readonly Map<string, Draft>[] = RANKS.map(() => new Map<string, Draft>());
  readonly #oldestKeys: readonly IterableIterator<string>[] = this.#drafts.map((drafts) => drafts.keys());
  readonly #hosts = new Set<string>();
  #begun = 0;
  #remarks = 0;
  #uncounted = 0;

  constructor(limits: Limits = { sources: MOST_SOURCES, remarks: MOST_REMARKS }) {
    this.#limits = limits;
  }

  add(remark: Remark): void {
    const isMiss = remark.what === 'miss' || remark.what === 'unseen';
    const key = keyOf(remark);
    const draft = this.#find(key) ?? this.#begin(key, remark);
    if (remark.packet !== null) draft.all++;
    if (isMiss) {
      draft.packets++;
      if (draft.nearest.what === 'unseen' && remark.what === 'miss') draft.nearest = remark;
      if (draft.rank === 0 && draft.chapters.length >= REMEMBERED) this.#forgetFirst(draft);
    } else this.#rise(key, draft, isLittle(remark) ? 1 : 2);
    const last = draft.chapters.slice(-TOLD_IN_A_ROW);
    const isMore = isMiss && last.length === TOLD_IN_A_ROW && last.every((it) => isAlike(it.remark, remark));
    const latest = draft.chapters.at(-1);
    if (isMore && latest !== undefined) latest.more++;
    else {
      draft.chapters.push({ remark, more: 0 });
      this.#remarks++;
    }
    while (this.#size > this.#limits.sources || this.#remarks > this.#limits.remarks) this.#giveUp(draft);
  }

  /** In the order of their first packets. */
  get stories(): readonly Story[] {
    return this.#inOrder([1, 2]).map(({ who, chapters }) => ({ ...who, chapters }));
  }

  get bystanders(): readonly Bystander[] {
    return this.#inOrder([0]).map(({ who, packets, nearest }) => ({ ...who, packets, nearest }));
  }

  /** Whether the log is of several hosts. */
  get hasHosts(): boolean {
    return this.#hosts.size > 1;
  }

  /** Packets that are not told, as there were too many. */
  get uncounted(): number {
    return this.#uncounted;
  }

  /** How many remarks are kept. */
  get remarks(): number {
    return this.#remarks;
  }

  get #size(): number {
    return this.#drafts.reduce((sum, { size }) => sum + size, 0);
  }

  #inOrder(ranks: readonly Rank[]): Draft[] {
    const drafts = ranks.flatMap((rank) => [...(this.#drafts[rank]?.values() ?? [])]);
    return drafts.sort((a, b) => a.order - b.order);
  }

  #find(key: string): Draft | undefined {
    for (const drafts of this.#drafts) {
      const draft = drafts.get(key);
      if (draft !== undefined) return draft;
    }
    return undefined;
  }

  #begin(key: string, remark: Remark): Draft {
    const who = { source: remark.source, host: remark.host };
    const order = this.#begun++;
    const draft: Draft = { who, order, rank: 0, all: 0, packets: 0, nearest: remark, chapters: [] };
    this.#drafts[0]?.set(key, draft);
    if (this.#hosts.size < 2) this.#hosts.add(remark.host);
    return draft;
  }

  #rise(key: string, draft: Draft, rank: Rank): void {
    if (rank <= draft.rank) return;
    this.#drafts[draft.rank]?.delete(key);
    draft.rank = rank;
    this.#drafts[rank]?.set(key, draft);
  }

  /** Forgets the source that matters least, but for this one; of this one alone its first remark. */
  #giveUp(current: Draft): void {
    for (const rank of RANKS) {
      const draft = this.#oldest(rank, current);
      if (draft === undefined) continue;
      this.#remarks -= draft.chapters.length;
      this.#uncounted += draft.all;
      return;
    }
    const first = this.#forgetFirst(current);
    if (first !== undefined) this.#uncounted += first.more + (first.remark.packet === null ? 0 : 1);
  }

  /** Takes the oldest of a rank out. An iterator that stays where it is does not pass over all that were taken out before. */
  #oldest(rank: Rank, current: Draft): Draft | undefined {
    const drafts = this.#drafts[rank];
    const keys = this.#oldestKeys[rank];
    if (drafts === undefined || keys === undefined) return undefined;
    for (let left = drafts.size; left > 0; left--) {
      const { value: key, done } = keys.next();
      if (done === true) break;
      const draft = drafts.get(key);
      if (draft === undefined) continue;
      drafts.delete(key);
      if (draft !== current) return draft;
      drafts.set(key, draft);
    }
    return undefined;
  }

  #forgetFirst({ chapters }: Draft): Draft['chapters'][number] | undefined {
    const first = chapters.shift();
    if (first !== undefined) this.#remarks--;
    return first;
  }
}

/** A client of a host. */
function keyOf({ host, source }: Remark): string {
  return `${host} ${source}`;
}

/** Whether it tells of one step at most. */
function isLittle({ what, stage }: Remark): boolean {
  return what !== 'open' && (stage ?? 0) <= 1;
}

/** Whether a second one tells a person no more. */
function isAlike(a: Remark, b: Remark): boolean {
  return a.what === b.what && a.door === b.door && (a.what === 'unseen' || a.text === b.text);
}
