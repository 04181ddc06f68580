/** Remarks, in the order of the log -> what there is to read of each source, in the order of sources. */

import type { Address } from '../model.ts';
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
/** A flood can have a source for each packet, */
const MOST_BYSTANDERS = 10_000;
/** and each can be a first step. More sources than these are told of once they get further. */
const MOST_SOURCES = 100_000;

interface Draft {
  readonly who: { readonly source: Address; readonly host: string };
  hasStep: boolean;
  packets: number;
  nearest: Remark;
  chapters: { remark: Remark; more: number }[];
}

export class Stories {
  readonly #drafts = new Map<string, Draft>();
  readonly #hosts = new Set<string>();
  #bystanders = 0;
  #uncounted = 0;

  add(remark: Remark): void {
    const isMiss = remark.what === 'miss' || remark.what === 'unseen';
    const draft = this.#drafts.get(keyOf(remark)) ?? this.#begin(remark, isMiss);
    if (draft === null) return;
    if (isMiss) {
      draft.packets++;
      if (draft.nearest.what === 'unseen' && remark.what === 'miss') draft.nearest = remark;
      if (!draft.hasStep && draft.chapters.length >= REMEMBERED) draft.chapters.shift();
    } else if (!draft.hasStep) {
      draft.hasStep = true;
      this.#bystanders--;
    }
    const last = draft.chapters.slice(-TOLD_IN_A_ROW);
    const isMore = isMiss && last.length === TOLD_IN_A_ROW && last.every((it) => isAlike(it.remark, remark));
    const latest = draft.chapters.at(-1);
    if (isMore && latest !== undefined) latest.more++;
    else draft.chapters.push({ remark, more: 0 });
  }

  /** In the order of their first packets. */
  get stories(): readonly Story[] {
    return [...this.#drafts.values()].flatMap(({ who, hasStep, chapters }) =>
      hasStep ? [{ ...who, chapters }] : [],
    );
  }

  get bystanders(): readonly Bystander[] {
    return [...this.#drafts.values()].flatMap(({ who, hasStep, packets, nearest }) =>
      hasStep ? [] : [{ ...who, packets, nearest }],
    );
  }

  /** Whether the log is of several hosts. */
  get hasHosts(): boolean {
    return this.#hosts.size > 1;
  }

  /** Packets of sources that were too many to be told apart, and took one step at most. */
  get uncounted(): number {
    return this.#uncounted;
  }

  #begin(remark: Remark, isMiss: boolean): Draft | null {
    const isFull = this.#drafts.size >= MOST_SOURCES || (isMiss && this.#bystanders >= MOST_BYSTANDERS);
    if (isFull && isLittle(remark)) {
      if (remark.packet !== null) this.#uncounted++;
      return null;
    }
    const who = { source: remark.source, host: remark.host };
    const draft: Draft = { who, hasStep: false, packets: 0, nearest: remark, chapters: [] };
    this.#drafts.set(keyOf(remark), draft);
    if (this.#hosts.size < 2) this.#hosts.add(remark.host);
    this.#bystanders++;
    return draft;
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
