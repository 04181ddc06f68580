/** Finds the sequences that are knocked with another on the way, by a tree of all their beginnings. */

import type { Sequence, Step } from '../model.ts';
import { formatStep } from './sequence.ts';

/** A sequence that some knock takes in, and the step of that knock with which it begins. */
export interface Along {
  /** As `formatStep` spells it. */
  readonly spelled: string;
  readonly length: number;
  readonly start: number;
}

interface Node {
  readonly next: Map<string, Node>;
  /** The steps that lead here. */
  readonly path: readonly string[];
  isEnd: boolean;
}

/** Sequences that have come as far as a node, less those that have gone on by one of these steps. */
interface Reached {
  readonly node: Node;
  readonly without: readonly string[];
}

const ANY_ECHO = formatStep({ proto: 'icmp', size: null });

export function spelled(sequence: Sequence): string {
  return sequence.map(formatStep).join(',');
}

export class SequenceTree {
  readonly #root: Node = { next: new Map(), path: [], isEnd: false };
  readonly #isKnockd: boolean;

  /** @param isKnockd whether a repeat is wrong, and no other attempt begins while one is running */
  constructor(isKnockd: boolean) {
    this.#isKnockd = isKnockd;
  }

  add(sequence: Sequence): void {
    let node = this.#root;
    for (const step of sequence.map(formatStep)) {
      const next = node.next.get(step) ?? { next: new Map(), path: [...node.path, step], isEnd: false };
      node.next.set(step, next);
      node = next;
    }
    node.isEnd = true;
  }

  /** The sequences that a knock of this one takes in, itself among them, each at its first start. */
  along(sequence: Sequence): readonly Along[] {
    const found = new Map<Node, number>();
    const starts = this.#isKnockd ? [0] : sequence.map((_, index) => index);
    for (const start of starts) {
      for (const node of this.#knocked(sequence.slice(start))) if (!found.has(node)) found.set(node, start);
    }
    return [...found].map(([{ path }, start]) => ({ spelled: path.join(','), length: path.length, start }));
  }

  /** The ends of sequences that the beginning of a list of packets takes all steps of, as the engine has it. */
  *#knocked(packets: Sequence): Generator<Node> {
    let reached: readonly Reached[] = [{ node: this.#root, without: [] }];
    for (const packet of packets) {
      const steps = stepsFor(packet);
      const after: Reached[] = [];
      for (const { node, without } of reached) {
        for (const step of steps) {
          const next = without.includes(step) ? undefined : node.next.get(step);
          if (next === undefined) continue;
          if (next.isEnd) yield next;
          after.push({ node: next, without: [] });
        }
        const isRepeat = !this.#isKnockd && steps.some((step) => node.path.includes(step));
        const gone = [...new Set([...without, ...steps])].filter((step) => node.next.has(step));
        if (isRepeat && gone.length < node.next.size) after.push({ node, without: gone });
      }
      reached = after;
      if (reached.length === 0) return;
    }
  }
}

/** The steps that take a packet to a step. */
export function stepsFor(packet: Step): readonly string[] {
  const own = formatStep(packet);
  return packet.proto === 'icmp' && packet.size !== null ? [own, ANY_ECHO] : [own];
}
