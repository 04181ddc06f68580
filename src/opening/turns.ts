/** Work that wants to run beside other work -> no more of it at once than there is room for, in its order. */

interface Waiter {
  readonly key: string;
  readonly begin: () => void;
}

/** Work of one key never overlaps and never overtakes. */
export class Turns {
  readonly #room: number;
  readonly #queue: Waiter[] = [];
  readonly #busy = new Set<string>();

  constructor(room: number) {
    this.#room = room;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#queue.push({ key, begin });
      this.#beginNext();
    });
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
      this.#beginNext();
    }
  }

  #beginNext(): void {
    if (this.#busy.size >= this.#room) return;
    // The first of its key in the queue is the next of it, since what runs of it keeps the others out.
    const at = this.#queue.findIndex(({ key }) => !this.#busy.has(key));
    for (const { key, begin } of at < 0 ? [] : this.#queue.splice(at, 1)) {
      this.#busy.add(key);
      begin();
    }
  }
}
